//! Texts with words in braces, for which something else is put: `Scan of {date}{extension}`.

use std::borrow::Cow;

/// A text to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Word(String),
}

impl Template {
    /// # Errors
    /// What is wrong with the braces.
    pub(super) fn parse(mut text: &str) -> Result<Self, &'static str> {
        let mut pieces = Vec::new();
        while let Some(at) = text.find(['{', '}']) {
            if at > 0 {
                pieces.push(Piece::Text(text[..at].to_owned()));
            }
            let rest = text[at..].strip_prefix('{').ok_or("`}` has no `{` before it")?;
            let (word, rest) = rest.split_once('}').ok_or("`{` has no `}` behind it")?;
            pieces.push(Piece::Word(word.to_owned()));
            text = rest;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The words for which something is put.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Word(word) => Some(word.as_str()),
        })
    }

    /// The text, if no word is in it.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text, with what each word stands for.
    pub(super) fn filled<'v>(&self, value: &dyn Fn(&str) -> Cow<'v, str>) -> String {
        let put = |piece: &Piece| match piece {
            Piece::Text(text) => Cow::Owned(text.clone()),
            Piece::Word(word) => value(word),
        };
        self.0.iter().map(put).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_braces_are_replaced_and_nothing_else() {
        let template = Template::parse("{a}-{b} c{a}").expect("a template");
        assert_eq!(template.words().collect::<Vec<_>>(), ["a", "b", "a"]);
        let upper = |word: &str| Cow::Owned(word.to_uppercase());
        assert_eq!(template.filled(&upper), "A-B cA");
        // What is put in is not read again.
        assert_eq!(template.filled(&|_| "{a}".into()), "{a}-{a} c{a}");
        for plain in ["", "Documents", "a b"] {
            assert_eq!(Template::parse(plain).expect("a template").plain(), Some(plain));
        }
        assert_eq!(Template::parse("{}").expect("a template").words().collect::<Vec<_>>(), [""]);
        for wrong in ["{", "}", "a{b", "a}b{", "{a}}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Template::parse("{a{b}").expect("a template").words().eq(["a{b"]), "a word that nothing captures");
    }
}
