//! What the reader of matter types says of mistakes, word for word.

use proptest::prelude::*;

use super::super::{MAX_SPEC_BYTES, parse_matter_type};

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
    let expected = r#"
t.toml:1:1: `titel` is unknown here: use `name`, `participants` and `[[folder]]`
t.toml:1:1: the matter type has no name: write `name = "General"`
t.toml:2:27: `Expert` cannot name a participant type: use up to 32 small letters, digits and `-`, a letter first
t.toml:2:37: `client` is named twice
t.toml:2:47: a participant type is text in quotes, not a value of type integer
t.toml:6:19: `raed` is no right here: use list, read, create, update and delete, or full alone for all five
t.toml:6:32: `judge` is none of the participants: client, Expert, client
t.toml:6:57: this row grants nothing: leave it out
t.toml:9:8: `from US` is also spelled `From us`; Windows and macOS take them for one: use one spelling or another name
t.toml:10:10: `closed` can only be `true`: leave it out otherwise
t.toml:13:8: `Invoices/../x` is no path: `.` and `..` are not names
t.toml:16:1: this folder has no path: write `path = "Documents/From us"`
t.toml:17:19: `list` stands twice
t.toml:18:1: `colour` is unknown here: use `path` and one of `rows`, `closed` and `inherit`
t.toml:21:8: Windows cannot show `a:b`: no `< > : " | ? *`, no space first, no dot or space last
t.toml:22:19: `full` is no right here: use list, read, create, update and delete, or full alone for all five
t.toml:24:1: `rows`, `closed` and `inherit` exclude each other: keep one
t.toml:25:8: `From us` is described twice in this folder
"#;
    assert_eq!(said(text), expected.trim());
}

#[test]
fn single_mistakes_say_what_to_write_instead() {
    let rows = "rows = { client = \"list\" }";
    for (text, messages) in [
        (
            "name = \"Two\nlines\"\n".to_owned(),
            &[
                "t.toml:1:12: this is not TOML: invalid basic string, expected `\"`",
                "t.toml:2:6: this is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`",
                "t.toml:2:7: this is not TOML: key with no value, expected `=`",
            ][..],
        ),
        (
            String::new(),
            &[
                "t.toml:1:1: the matter type has no name: write `name = \"General\"`",
                "t.toml:1:1: the matter type has no participant types: write `participants = [\"client\", \"expert\"]`",
                "t.toml:1:1: the matter type has no folder: write `[[folder]]`, then its `path` and `rows`",
            ],
        ),
        (
            "name = 1\nparticipants = []\nfolder = 1".to_owned(),
            &[
                "t.toml:1:8: name is text in quotes, not a value of type integer",
                "t.toml:2:16: a matter type has 1 to 32 participant types",
                "t.toml:3:10: folders are a list: write `[[folder]]`, then its `path` and `rows`",
            ],
        ),
        (
            "name = \"\"\nparticipants = \"client\"\nfolder = [1]".to_owned(),
            &[
                "t.toml:1:8: `` is no name of a matter type: use 1 to 200 bytes on one line, without control characters",
                "t.toml:2:16: `participants` is a list: write `participants = [\"client\", \"expert\"]`",
                "t.toml:3:11: a folder is a table: write `[[folder]]`",
            ],
        ),
        (
            with_folder("path = \"Documents\"\ninherit = true"),
            &[
                "t.toml:4:8: there is nothing to inherit: no folder above says who may use it; give it rows of its own or close it",
            ],
        ),
        (
            with_folder("path = \"Documents/A\"\nrows = {}"),
            &["t.toml:5:8: `rows` is empty: write `closed = true` if no participant may use it"],
        ),
        (
            with_folder("path = \"Documents/A\""),
            &["t.toml:3:1: this folder does not say who may use it: write `rows = { client = \"list read\" }`, \
               `inherit = true` or `closed = true`"],
        ),
        (
            with_folder("path = \"Documents/A\"\nrows = \"client\""),
            &["t.toml:5:8: `rows` is a table: write `rows = { client = \"list read\" }`"],
        ),
        (
            with_folder(&format!("path = \"Documents/A/B/C/D/E/F/G/H\"\n{rows}")),
            &["t.toml:4:8: `Documents/A/B/C/D/E/F/G/H` is deeper than 8 folders"],
        ),
        (
            with_folder(&format!("path = \"Letters\"\n{rows}")),
            &[
                "t.toml:4:8: `Letters` is no place for a folder: folders stand in `Documents`, `Messages`, `Invoices`, `Tasks`, `Calendar`, `Notes`",
            ],
        ),
        (
            with_folder("path = \"Messages\"\nrows = { client = \"full\" }"),
            &["t.toml:4:8: messages stay as they were sent: use `list`, `read` and `create` in `Messages`"],
        ),
        (
            with_folder(&format!("path = \"Documents/A\"\n{rows}\nrows = {{}}")),
            &["t.toml:6:1: this is not TOML: duplicate key"],
        ),
    ] {
        assert_eq!(said(&text).lines().collect::<Vec<_>>(), messages, "{text}");
    }
}

#[test]
fn rows_stand_in_the_order_of_the_participants() {
    let text = with_folder("path = \"/Documents//A/\"\nrows = { expert = \" read  list\", client = \"full\" }");
    let spec = parse_matter_type(&text, "t.toml").expect("valid");
    assert!(spec.to_toml().contains("path = \"Documents/A\"\nrows = { client = \"full\", expert = \"list read\" }"));
}

#[test]
fn a_text_is_bounded_in_every_direction() {
    assert!(said(&" ".repeat(MAX_SPEC_BYTES + 1)).contains("longer than"));
    assert!(said(&format!("x = {}", "[".repeat(100_000))).contains("not TOML"));
    let folders: String = (0..200).map(|n| format!("[[folder]]\npath = \"Documents/{n}\"\nclosed = true\n")).collect();
    assert!(said(&format!("name = \"T\"\nparticipants = [\"client\"]\n{folders}")).contains("1 to 128 folders"));
    let deep: String = (0..100).map(|n| format!("[[folder]]\npath = \"Documents/{n}/a\"\nclosed = true\n")).collect();
    let said_of_deep = said(&format!("name = \"T\"\nparticipants = [\"client\"]\n{deep}"));
    assert_eq!(said_of_deep, "t.toml:1:1: 202 folders are too many: a matter type has at most 128");
    let many: String = (0..20_000).map(|n| format!("k{n} = 1\n")).collect();
    assert!(said(&many[..MAX_SPEC_BYTES]).lines().count() <= 100);
}

proptest! {
    #[test]
    fn no_text_can_panic_the_reader(text in "([a-z\\[\\]{}\"'= \n.,/é#]|name|participants|\\[\\[folder\\]\\]\n|path|rows|closed|true){0,40}") {
        let _ = parse_matter_type(&text, "t.toml");
    }
}
