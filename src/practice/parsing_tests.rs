//! What the reader of matter types says of mistakes, word for word.

use proptest::prelude::*;

use super::{MAX_SPEC_BYTES, parse_matter_type};

/// The messages, one a line.
fn said(text: &str) -> String {
    match parse_matter_type(text, "t.toml") {
        Ok(_) => "valid".to_owned(),
        Err(errors) => errors.to_string(),
    }
}

fn with_folder(folder: &str) -> String {
    format!("name = \"T\"\nparticipants = [\"client\", \"expert\"]\n[[folder]]\n{folder}\n")
}

#[test]
fn all_mistakes_of_a_text_come_at_once_with_their_places() {
    let text = r#"name = "Two
lines"
"#;
    assert_eq!(said(text), "X");
    let text = r#"titel = "General"
participants = ["client", "Expert", "client", 3]

[[folder]]
path = "Documents/From us"
rows = { client = "list raed", judge = "list", Expert = "" }

[[folder]]
path = "Documents/from US/é"
closed = false

[[folder]]
path = "Invoices/../x"
inherit = true

[[folder]]
rows = { client = "list list" }
colour = "red"

[[folder]]
path = "Documents/a:b"
rows = { client = "full read" }

[[folder]]
path = "Documents/From us"
closed = true
inherit = true
"#;
    assert_eq!(said(text), "X");
}
