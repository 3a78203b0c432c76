//! What is wrong with a file of guards, all of it, each with its place.

use std::fmt;

/// One mistake and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Every mistake of one file, in the order of its lines. Never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn add(&mut self, text: &str, at: usize, message: impl Into<String>) {
        let (line, column) = position(text, at);
        self.0.push(Mistake { line, column, message: message.into() });
    }

    /// The value if nothing was wrong, all mistakes otherwise.
    pub(super) fn or<T>(mut self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => {
                self.0.sort();
                self.0.dedup();
                Err(self)
            }
        }
    }

    /// The mistakes.
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }

    /// One line for each, with the file's name.
    pub fn lines(&self, source: &str) -> Vec<String> {
        let line = |mistake: &Mistake| format!("{source}:{}:{}: {}", mistake.line, mistake.column, mistake.message);
        self.0.iter().map(line).collect()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines("guards").join("\n"))
    }
}

/// Line and column of a byte offset; one that is no boundary of a character only moves the place that is shown.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
