//! `deedbox quota`: how much may be kept, and how much is.

use std::str::FromStr;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table};
use crate::gate::{Administer, Permit};
use crate::names::{Bytes, ParseBytesError};
use crate::practice::{Practice, QuotaOf};
use crate::vfs::{Kept, Usage, Vfs};

/// How much may be kept: by the firm, in a matter, by one person
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List what is kept and how much may be: all versions, and unfinished uploads
    #[command(after_help = "Example: deedbox quota list --all --data /srv/deedbox")]
    List {
        /// Matters and people without a quota, too
        #[arg(long)]
        all: bool,
    },
    /// Set a quota, or take it away
    #[command(after_help = "Example: deedbox quota set --matter 2026-0001 50GiB --data /srv/deedbox\n\n\
                            What is there already stays: a quota below it lets nothing more in.")]
    Set {
        #[command(flatten)]
        whose: Whose,
        /// Such as 500MiB, 50GiB, 2TiB; none takes the quota away
        size: Size,
    },
}

/// What a quota is for.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// All matters together
    #[arg(long)]
    firm: bool,
    /// One matter
    #[arg(long, value_name = "NUMBER")]
    matter: Option<String>,
    /// What this login uploads, into all matters together
    #[arg(long, value_name = "LOGIN")]
    login: Option<String>,
}

/// A size, or `none`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Size(Option<Bytes>);

impl FromStr for Size {
    type Err = ParseBytesError;

    fn from_str(text: &str) -> Result<Self, ParseBytesError> {
        if text.eq_ignore_ascii_case("none") { Ok(Self(None)) } else { text.parse().map(|bytes| Self(Some(bytes))) }
    }
}

/// A line of the list.
#[derive(Debug, Serialize)]
struct Line {
    /// `firm`, `matter` or `login`.
    of: &'static str,
    name: Option<String>,
    used: u64,
    quota: Option<Bytes>,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::List { all } => list(operator, all).await,
            Self::Set { whose, size } => set(operator, whose, size.0).await,
        }
    }
}

async fn list(operator: &Operator<'_>, all: bool) -> Result<Reply, Problem> {
    let look = |vfs: &Vfs, permit: &Permit<Administer>| vfs.usage(permit);
    let Usage { firm, matters, people } = operator.inspect(("quota list", "", None), look).await?;
    let line = |of| move |kept: Kept| Line { of, name: kept.name, used: kept.used, quota: kept.quota };
    let bounded = |kept: &Kept| all || kept.quota.is_some();
    let mut lines = vec![line("firm")(firm)];
    lines.extend(matters.into_iter().filter(bounded).map(line("matter")));
    lines.extend(people.into_iter().filter(bounded).map(line("login")));
    let mut table = Table::new(&["OF", "NAME", "USED", "QUOTA", "FULL"]);
    for line in &lines {
        let (quota, full) = line.quota.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |quota| (quota.to_string(), format!("{} %", percent(line.used, quota))),
        );
        let name = line.name.clone().unwrap_or_else(|| "-".to_owned());
        table.row([line.of.to_owned(), name, Bytes(line.used).to_string(), quota, full]);
    }
    Reply::new(&lines, table)
}

/// How much of it is used, rounded down; a quota of nothing is always full.
fn percent(used: u64, quota: Bytes) -> u64 {
    let percent = u128::from(used) * 100 / u128::from(quota.0.max(1));
    if quota.0 == 0 { 100 } else { u64::try_from(percent).unwrap_or(u64::MAX) }
}

async fn set(operator: &Operator<'_>, whose: Whose, quota: Option<Bytes>) -> Result<Reply, Problem> {
    let (of, what, matter) = match whose {
        Whose { matter: Some(number), .. } => {
            let matter = operator.matter(&number)?;
            (QuotaOf::Matter(matter.id), format!("matter {}", matter.number), Some(matter.id))
        }
        Whose { login: Some(login), .. } => {
            let login = operator.account(&login)?.login.clone();
            (QuotaOf::Person(login.clone()), login, None)
        }
        Whose { .. } => (QuotaOf::Firm, "the firm".to_owned(), None),
    };
    let words = quota.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string());
    let change = move |practice: &Practice, permit| practice.set_quota(permit, of, quota);
    operator.change(("quota set", &format!("{what}: quota {words}"), matter), change).await?;
    let text = match quota {
        Some(bytes) => format!("The quota of {what} is {bytes}.\n"),
        None => format!("There is no quota of {what}.\n"),
    };
    Reply::new(&serde_json::json!({ "of": what, "quota": quota }), text)
}
