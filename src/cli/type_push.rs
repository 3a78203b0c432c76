//! `deedbox matter-type push`: what a new version of a matter type changes on the matters that there are.

use std::fmt::Write as _;

use serde::Serialize;

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, count, printable};
use crate::practice::{Practice, RightsChange, TypeChange};

/// How many matters the text shows in full; `--json` has all.
const SHOWN: usize = 50;

/// One matter's change in answers.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    matter: &'a str,
    from: u32,
    to: u32,
    added: &'a [String],
    closed: &'a [String],
    rights: Vec<Rights<'a>>,
    without_type: &'a [String],
}

#[derive(Debug, Serialize)]
struct Rights<'a> {
    folder: &'a str,
    #[serde(rename = "type")]
    participant_type: &'a str,
    from: String,
    to: String,
}

impl<'a> From<&'a RightsChange> for Rights<'a> {
    fn from(change: &'a RightsChange) -> Self {
        let RightsChange { folder, participant_type, from, to } = change;
        Self { folder, participant_type, from: from.to_string(), to: to.to_string() }
    }
}

pub(super) async fn run(operator: &Operator<'_>, name: &str, yes: bool) -> Result<Reply, Problem> {
    if yes {
        let wanted = name.to_owned();
        let push = move |practice: &Practice, permit| practice.push_matter_type(permit, &wanted);
        let done = operator.change(("matter-type push", name, None), push).await?;
        return reply(&done, true);
    }
    operator.look("matter-type push preview", name, None).await?;
    reply(&operator.firm().push_preview(name).map_err(Problem::failed)?, false)
}

fn reply(changes: &[TypeChange], done: bool) -> Result<Reply, Problem> {
    let mut text = String::new();
    for one in changes.iter().take(SHOWN) {
        describe(&mut text, one);
    }
    if changes.len() > SHOWN {
        let _ = writeln!(text, "and {} more; --json shows all", count(changes.len() - SHOWN, "matter"));
    }
    text.push_str(&match (changes.len(), done) {
        (0, _) => "All matters have the current version.\n".to_owned(),
        (n, true) => format!("{} brought to the current version.\n", count(n, "matter")),
        (n, false) => format!("Nothing was changed. --yes brings {} to the current version.\n", count(n, "matter")),
    });
    let shown: Vec<_> = changes.iter().map(shown).collect();
    let data = serde_json::json!({ "changed": done, "matters": shown });
    Ok(Reply::new(&data, text)?.negative(!done && !changes.is_empty()))
}

fn describe(text: &mut String, one: &TypeChange) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}: version {} -> {}", one.number, one.from, one.to);
    for folder in &one.added {
        let _ = writeln!(text, "  new folder {}", printable(folder));
    }
    for folder in &one.closed {
        let _ =
            writeln!(text, "  {} is no folder of the type any more: stays, closed to participants", printable(folder));
    }
    for change in &one.rights {
        let (folder, kind) = (printable(&change.folder), printable(&change.participant_type));
        let _ = writeln!(text, "  {folder}, {kind}: {} -> {}", change.from, change.to);
    }
    for name in &one.without_type {
        let _ = writeln!(
            text,
            "  {} has no rights afterwards: the type does not know their participant type",
            printable(name)
        );
    }
}

fn shown(one: &TypeChange) -> Shown<'_> {
    Shown {
        matter: &one.number,
        from: one.from,
        to: one.to,
        added: &one.added,
        closed: &one.closed,
        rights: one.rights.iter().map(Rights::from).collect(),
        without_type: &one.without_type,
    }
}
