//! `deedbox folder`: rights of their own for folders that people made.

use std::str::FromStr;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use super::stored::{Stored, find};
use crate::names::{Rights, Verb};
use crate::policy::{FolderRule, Row};
use crate::practice::{OwnRule, Practice, Ruling};

/// Rights of their own for folders that people made; those of the matter type's folders are the type's
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Give a folder rows of its own, close it off, or let it have the rights of the folder above again
    #[command(
        after_help = "Example: deedbox folder rights --matter 2026-0001 'Documents/Shared room/Bids' \\\n  --row client=list,read --row expert=full --data /srv/deedbox\n\
                      Or:      deedbox folder rights --matter 2026-0001 'Documents/Shared room/Bids' --closed \\\n  --data /srv/deedbox"
    )]
    Rights {
        #[command(flatten)]
        stored: Stored,
        #[command(flatten)]
        rule: Rule,
    },
    /// List the folders of a matter that have rights of their own
    #[command(after_help = "Example: deedbox folder list --matter 2026-0001 --data /srv/deedbox --json")]
    List {
        /// The matter's number
        #[arg(long, value_name = "NUMBER")]
        matter: String,
    },
}

/// One of the three.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[group(required = true, multiple = false)]
pub(crate) struct Rule {
    /// What a participant type may do: list, read, create, update, delete, or full; who has no row has no right
    #[arg(long = "row", value_name = "TYPE=RIGHTS")]
    rows: Vec<RowText>,
    /// No participant has any right, nor sees the folder
    #[arg(long)]
    closed: bool,
    /// The rights of the folder above
    #[arg(long)]
    inherit: bool,
}

/// `client=list,read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RowText(Row);

impl FromStr for RowText {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rights) = text.split_once('=').ok_or("write it as TYPE=RIGHTS, for instance client=list,read")?;
        let verb = |word: &str| match word.trim() {
            "full" => Ok(Rights::FULL),
            word => word.parse::<Verb>().map(|verb| Rights::of(&[verb])),
        };
        let rights = rights.split(',').map(verb).try_fold(Rights::NONE, |all, one| one.map(|one| all | one))?;
        Ok(Self(Row { participant_type: word.trim().to_owned(), rights }))
    }
}

/// A folder with rights of its own in answers.
#[derive(Debug, Serialize)]
struct Shown {
    path: String,
    closed: bool,
    rows: Vec<ShownRow>,
    since: String,
}

#[derive(Debug, Serialize)]
struct ShownRow {
    #[serde(rename = "type")]
    participant_type: String,
    rights: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Rights { stored, rule } => {
                let (matter, at) = find(operator, "folder rights", &stored).await?;
                let rule = match rule {
                    Rule { closed: true, .. } => FolderRule::Closed,
                    Rule { inherit: true, .. } => FolderRule::Inherit,
                    Rule { rows, .. } => FolderRule::Rows(rows.into_iter().map(|row| row.0).collect()),
                };
                let text = match &rule {
                    FolderRule::Closed => "is closed to participants".to_owned(),
                    FolderRule::Inherit => "has the rights of the folder above it".to_owned(),
                    FolderRule::Rows(rows) => format!("has rights of its own: {}", in_words(rows)),
                };
                let subject = at.path().to_string();
                let change = move |practice: &Practice, permit| practice.rule_folder(permit, &at, rule);
                operator.change(("folder rights", &subject, Some(matter.id)), change).await?;
                let data = serde_json::json!({ "matter": matter.number, "path": subject });
                Reply::new(&data, format!("{} {text}.\n", printable(&subject)))
            }
            Self::List { matter } => {
                let matter = operator.matter(&matter)?;
                operator.look("folder list", &matter.number, Some(matter.id)).await?;
                let all: Vec<Shown> = matter.own_rules().iter().filter_map(shown).collect();
                let mut table = Table::new(&["FOLDER", "RIGHTS", "SINCE"]);
                for one in &all {
                    let rows: Vec<_> =
                        one.rows.iter().map(|row| format!("{}: {}", row.participant_type, row.rights)).collect();
                    let rights = if one.closed { "closed".to_owned() } else { rows.join("; ") };
                    table.row([one.path.clone(), rights, one.since.clone()]);
                }
                Reply::new(&all, table)
            }
        }
    }
}

fn in_words(rows: &[Row]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| format!("{}: {}", row.participant_type, row.rights)).collect();
    rows.join("; ")
}

fn shown(rule: &OwnRule) -> Option<Shown> {
    let Ruling::Folder(own) = &rule.ruling else { return None };
    let rows = if let FolderRule::Rows(rows) = own { rows.as_slice() } else { &[] };
    let row = |row: &Row| ShownRow { participant_type: row.participant_type.clone(), rights: row.rights.to_string() };
    Some(Shown {
        path: rule.path.to_string(),
        closed: *own == FolderRule::Closed,
        rows: rows.iter().map(row).collect(),
        since: rule.since.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_people_write_them() {
        let row = |text: &str| text.parse::<RowText>().map(|row| (row.0.participant_type, row.0.rights.to_string()));
        assert_eq!(row("client=read, list"), Ok(("client".to_owned(), "list read".to_owned())));
        assert_eq!(row("expert=full"), Ok(("expert".to_owned(), "full".to_owned())));
        assert!(row("client").is_err() && row("client=").is_err() && row("client=write").is_err());
    }
}
