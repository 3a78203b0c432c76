//! What is wrong with a file of guards, all of it, each with its place.

use std::fmt;

use crate::names::line_and_column;

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
        let (line, column) = line_and_column(text, at);
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
