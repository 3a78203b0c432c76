//! The table as a file to read: `tests/golden/rights-table.txt`, made by `UPDATE_GOLDEN=1 cargo test --test rights`.

use std::fmt::Write;
use std::path::Path;

use deedbox::names::{Rights, Verb};
use deedbox::policy::{Decision, Object, Operation, decide};

use crate::vocabulary::{all_rights, letters};

const HEADER: &str = "\
# What a session may do, decided by `policy::decide`: every set of rights against every operation.
#
# The columns are what is known of the object: whose it is, whether its maker made it just now (new), whether it holds no
# byte yet (empty), whether its maker has held a lock on it since then (held), whether it is a temporary file of a save
# (temp), whether it is a folder. The rows are the rights in the
# folder that holds it: l list, r read, c create, u update, d delete. The door does not matter: the table is the same for
# every front end.
#
#   allow   done, and recorded
#   deny    \"permission denied\"; the object may be seen
#   hide    answered exactly as if the object did not exist
";

/// The objects of the columns.
const OBJECTS: [(&str, Object); 10] = {
    let foreign = Object {
        own: false,
        fresh: false,
        empty: false,
        transient: false,
        folder: false,
        held: false,
        by_rule: None,
        shared: Rights::NONE,
        anchored: false,
        in_intake: false,
    };
    let own = Object { own: true, ..foreign };
    [
        ("foreign", foreign),
        ("own", own),
        ("own-new", Object { fresh: true, ..own }),
        ("own-new-empty", Object { fresh: true, empty: true, ..own }),
        ("own-held", Object { held: true, ..own }),
        ("own-temp", Object { fresh: true, transient: true, ..own }),
        ("foreign-temp", Object { fresh: true, transient: true, ..foreign }),
        ("foreign-folder", Object { folder: true, ..foreign }),
        ("own-folder", Object { folder: true, ..own }),
        ("own-temp-folder", Object { folder: true, transient: true, ..own }),
    ]
};

/// The variant's name. A new operation does not compile before it is named here, and a name without a section in the table
/// fails [`every_operation_stands_in_the_table`].
fn variant(operation: Operation) -> &'static str {
    match operation {
        Operation::List { .. } => "List",
        Operation::Stat { .. } => "Stat",
        Operation::Read { .. } => "Read",
        Operation::Create { .. } => "Create",
        Operation::Update { .. } => "Update",
        Operation::Describe { .. } => "Describe",
        Operation::Delete { .. } => "Delete",
        Operation::SetAside { .. } => "SetAside",
        Operation::Rename { .. } => "Rename",
        Operation::Move { .. } => "Move",
    }
}

struct Table {
    text: String,
}

type Column<'a> = (&'a str, Box<dyn Fn(Rights) -> Operation + 'a>);

impl Table {
    fn section(&mut self, about: &str, columns: Vec<Column<'_>>) {
        let name = variant(columns[0].1(Rights::NONE));
        write!(self.text, "\n== {name}: {about}\n\n       ").expect("writes to memory");
        for (head, _) in &columns {
            write!(self.text, "  {head}").expect("writes to memory");
        }
        for rights in all_rights() {
            write!(self.text, "\n{}  ", letters(rights)).expect("writes to memory");
            for (head, operation) in &columns {
                assert_eq!(variant(operation(rights)), name, "one section is about one operation");
                let word = match decide(operation(rights)) {
                    Decision::Allowed => "allow",
                    Decision::Denied => "deny",
                    Decision::Hidden => "hide",
                };
                write!(self.text, "  {word:width$}", width = head.len()).expect("writes to memory");
            }
            self.text.truncate(self.text.trim_end().len());
        }
        self.text.push('\n');
    }

    fn objects(&mut self, about: &str, operation: impl Fn(Object, Rights) -> Operation) {
        let operation = &operation;
        let column =
            |(head, object): (_, Object)| -> Column<'_> { (head, Box::new(move |rights| operation(object, rights))) };
        self.section(about, OBJECTS.into_iter().map(column).collect());
    }
}

fn table() -> String {
    let mut table = Table { text: HEADER.to_owned() };
    let list = |shown| move |_| Operation::List { shown };
    table.section(
        "see a folder's entries; without the right to list, none is in the answer",
        vec![("shown", Box::new(list(true))), ("not-shown", Box::new(list(false)))],
    );
    table.objects("look at one entry", |object, rights| Operation::Stat { object, rights });
    table.objects("download", |object, rights| Operation::Read { object, rights });
    let create = |transient, shown| move |rights| Operation::Create { transient, rights, shown };
    table.section(
        "a new document or folder under a free name, in a folder that is shown or not",
        vec![
            ("shown", Box::new(create(false, true))),
            ("not-shown", Box::new(create(false, false))),
            ("shown-temp", Box::new(create(true, true))),
            ("not-shown-temp", Box::new(create(true, false))),
        ],
    );
    table.objects("replace, edit, append, truncate", |object, rights| Operation::Update { object, rights });
    table.objects("set times or properties, lock", |object, rights| Operation::Describe { object, rights });
    table.objects("remove", |object, rights| Operation::Delete { object, rights });
    table.objects(
        "move away or remove in a save, for the saver's eyes alone and until its replacement comes",
        |object, rights| Operation::SetAside { object, rights },
    );
    let other = OBJECTS[0].1;
    for (onto, replaces) in [("a free name", None), ("an existing document", Some(other))] {
        let about = format!("within a folder, to {onto}");
        table.objects(&about, |object, rights| Operation::Rename { object, replaces, rights });
    }
    let targets = [
        ("nothing", Rights::NONE),
        ("create", Rights::of(&[Verb::Create])),
        ("update", Rights::of(&[Verb::Update])),
        ("list read delete", Rights::of(&[Verb::List, Verb::Read, Verb::Delete])),
    ];
    for (onto, replaces) in [("a free name", None), ("an existing document", Some(other))] {
        for (granted, target) in targets {
            let about =
                format!("to {onto} in another folder, where {granted} is granted; the row is what is granted here");
            table.objects(&about, |object, source| Operation::Move { object, replaces, source, target });
        }
    }
    table.text
}

#[test]
fn the_table_is_as_agreed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rights-table.txt");
    let now = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &now).expect("the golden file can be written");
    }
    let agreed = std::fs::read_to_string(&file).expect("the golden file is there");
    let mut section = "";
    for (number, (was, is)) in agreed.lines().zip(now.lines()).enumerate() {
        section = if was.starts_with("==") { was } else { section };
        assert_eq!(was, is, "line {} of {} differs, in {section}", number + 1, file.display());
    }
    assert_eq!(agreed, now, "{} ends elsewhere", file.display());
}

#[test]
fn every_operation_stands_in_the_table() {
    let source = include_str!("../../src/policy/decision.rs");
    let body = source.split_once("pub enum Operation {").and_then(|(_, rest)| rest.split_once("\n}\n"));
    let (body, _) = body.expect("the operations are defined there");
    let variants =
        body.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    let names: Vec<&str> = variants.map(|line| line.trim_end_matches([' ', '{', ','])).collect();
    let table = table();
    for name in &names {
        assert!(table.contains(&format!("\n== {name}: ")), "the operation {name} has no section in the table");
    }
    assert!(names.contains(&"Rename"), "the operations are read from the source: {names:?}");
}
