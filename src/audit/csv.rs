//! What people did, as a table for other programs (RFC 4180).

use serde_json::Value;

/// The columns, which are the fields of an act in JSON.
const COLUMNS: [&str; 13] = [
    "seq", "time", "login", "role", "action", "outcome", "path", "to", "version", "bytes", "front", "address", "reason",
];

/// The first line, with its end.
pub fn csv_head() -> String {
    COLUMNS.join(",") + "\r\n"
}

/// The line of one act, given as it is in JSON, with its end.
pub fn csv_row(act: &Value) -> String {
    let cells: Vec<_> = COLUMNS.iter().map(|column| cell(&act[*column])).collect();
    cells.join(",") + "\r\n"
}

/// What a spreadsheet would take for a formula is made text, since names come from outside.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_break_its_row_or_become_a_formula() {
        assert_eq!(cell(&Value::Null), "");
        assert_eq!(cell(&7.into()), "7");
        assert_eq!(cell(&"/a, \"b\"".into()), "\"/a, \"\"b\"\"\"");
        assert_eq!(cell(&"=HYPERLINK(1)".into()), "'=HYPERLINK(1)");
        assert_eq!(cell(&"a\nb".into()), "\"a\nb\"");
    }
}
