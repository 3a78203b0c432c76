//! What a verb answers: once for people, once for scripts.

use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// What `--json` prints, on one line.
    pub(crate) data: serde_json::Value,
    /// What people read; lines end with a newline.
    pub(crate) text: String,
    /// True if the answer is a "no": exit code 1.
    pub(crate) negative: bool,
}

impl Reply {
    pub(crate) fn new(data: &impl Serialize, text: impl Into<String>) -> Result<Self, Problem> {
        let data = serde_json::to_value(data).map_err(Problem::failed)?;
        Ok(Self { data, text: text.into(), negative: false })
    }

    /// The same answer, as a "no".
    pub(crate) fn negative(self, negative: bool) -> Self {
        Self { negative, ..self }
    }
}

/// Rows under a heading, in columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl From<Table> for String {
    fn from(table: Table) -> String {
        let columns = table.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cell = |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.chars().count());
            table.rows.iter().map(cell).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &table.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&printable(cell));
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names of documents come from outside; a terminal must not obey them.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `1 matter`, `3 matters`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_trail() {
        let mut table = Table::new(&["number", "name"]);
        table.row(["1".to_owned(), "Gärten".to_owned()]);
        assert_eq!(String::from(table), "number  name\n1       Gärten\n");
    }

    #[test]
    fn terminal_sequences_in_names_are_defused() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
