//! What is wrong with a configuration file, all of it, each with its place.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    source_name: PathBuf,
    list: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(source: &Path) -> Self {
        Self { source_name: source.to_owned(), list: Vec::new() }
    }

    pub(crate) fn add(&mut self, text: &str, span: Option<Range<usize>>, message: impl Into<String>) {
        let (line, column) = line_and_column(text, span.map_or(0, |span| span.start));
        self.list.push(Mistake { line, column, message: message.into() });
    }

    /// The value if nothing was wrong, all mistakes otherwise.
    pub(crate) fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort();
        self.list.dedup();
        Err(self)
    }

    /// The mistakes.
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source_name.display();
        for (number, mistake) in self.list.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{source}:{}:{}: {}", mistake.line, mistake.column, mistake.message)?;
        }
        Ok(())
    }
}
