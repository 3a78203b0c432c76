//! Lists, a page at a time.

use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// Entries of a page unless said otherwise, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// Which page of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Where the page before ended: its `next`.
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// What to ask for `after`, if there may be more.
    next: Option<String>,
}

/// At most how many entries were asked for.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::unreadable(format!("`limit` is 1 to {MOST}"))),
    }
}

/// A page of what comes in the order of its keys: keys that stay, so that nothing is left out or shown twice when others come or go
/// between two pages.
pub(super) fn page<T>(
    all: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
    after: Option<&str>,
    asked: Option<usize>,
) -> Result<Page<T>, Problem> {
    let limit = limit(asked)?;
    let mut rest = all.into_iter().filter(|one| after.is_none_or(|after| key(one).as_str() > after));
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(items.last().map(&key));
    Ok(Page { items, next })
}

impl Which {
    /// The page of these.
    pub(super) fn of<T>(
        &self,
        all: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem> {
        page(all, key, self.after.as_deref(), self.limit)
    }
}

impl<T> Page<T> {
    /// The same page, with entries as they are shown.
    pub(super) fn map<U>(self, shown: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(shown).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let all = ["a", "b", "c"];
        let key = |one: &&str| (*one).to_owned();
        let first = page(all, key, None, Some(2)).expect("a page");
        assert_eq!((first.items.as_slice(), first.next.as_deref()), (&["a", "b"][..], Some("b")));
        let second = page(all, key, Some("b"), Some(2)).expect("a page");
        assert_eq!((second.items.as_slice(), second.next.as_deref()), (&["c"][..], None));
        assert!(page(all, key, None, Some(0)).is_err() && page(all, key, None, Some(201)).is_err());
    }
}
