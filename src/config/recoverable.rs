//! TOML as it is written: names and types only, nothing checked yet.
//!
//! serde stops at the first thing that it cannot take. An administrator who repairs a file wants to see every mistake at
//! once, so [`read`] takes the mistaken item out of the parsed document and asks serde again, until it is content.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::mistakes::Mistakes;

/// How many mistakes are looked for; who has more repairs these first.
const MAX_MISTAKES: usize = 50;

/// A value and where it stands.
pub(crate) type Item<T> = Option<Spanned<T>>;

/// Reads what can be read and notes everything that cannot.
pub(crate) fn read<T: DeserializeOwned + Default>(text: &str, mistakes: &mut Mistakes) -> T {
    let (mut document, syntax) = DeTable::parse_recoverable(text);
    let broken = !syntax.is_empty();
    for error in syntax {
        mistakes.add(text, error.span(), error.message().trim());
    }
    for _ in 0..MAX_MISTAKES {
        let error = match T::deserialize(Deserializer::from(document.clone())) {
            Ok(read) => return read,
            Err(error) => error,
        };
        // After a syntax error the recovered rest may be nonsense: what it leads to is no news.
        if !broken {
            mistakes.add(text, error.span(), error.message().trim());
        }
        let taken_out = error.span().is_some_and(|span| take_out(document.get_mut(), &span));
        if !taken_out {
            break;
        }
    }
    T::default()
}

/// Removes the innermost item at the span. False if there is none.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let inside = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    if table.iter_mut().any(|(_, value)| take_out_below(value.get_mut(), span)) {
        return true;
    }
    let found = table.iter().find(|(key, value)| inside(key.span()) || inside(value.span()));
    let Some(key) = found.map(|(key, _)| key.clone()) else { return false };
    table.remove(&key).is_some()
}

fn take_out_below(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => take_out(table, span),
        DeValue::Array(items) => items.iter_mut().any(|item| take_out_below(item.get_mut(), span)),
        _ => false,
    }
}
