//! `deedbox lock`: documents that somebody has open for editing, and ending that.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, Table, printable};
use crate::gate::{Administer, Permit};
use crate::names::{LockId, MatterId};
use crate::practice::Firm;
use crate::vfs::{Error, HeldLock, LockDepth, Vfs};

/// Locks: documents and folders that somebody has open for editing over WebDAV
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List the locks that hold now, by path
    #[command(after_help = "Example: deedbox lock list --matter 2026-0001 --data /srv/deedbox")]
    List {
        /// Those in this matter alone
        #[arg(long, value_name = "NUMBER")]
        matter: Option<String>,
    },
    /// End a lock whose holder has gone away
    #[command(after_help = "Example: deedbox lock break 4f1c0e8a5d2b49f7a8c3d6e1b0f29a75 --data /srv/deedbox\n\n\
                            A lock ends by itself within an hour of its last refresh. Whoever holds one that is broken is \
                            told when they save, and may save under another name.\n\nExit code: 0 if it was ended, 1 if \
                            there is none.")]
    Break {
        /// The lock, as `lock list` names it
        id: LockId,
    },
}

/// A lock in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    path: String,
    login: Option<String>,
    scope: &'static str,
    depth: &'static str,
    expires: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::List { matter } => {
                let matter = matter.map(|number| operator.matter(&number)).transpose()?;
                let (number, id) = matter.as_ref().map_or(("", None), |one| (one.number.as_str(), Some(one.id)));
                let look = |vfs: &Vfs, permit: &Permit<Administer>| Ok(vfs.held_locks(permit));
                let mut held = operator.inspect(("lock list", number, id), look).await?;
                let firm = operator.firm();
                held.retain(|lock| id.is_none() || matter_of(&firm, lock) == id);
                let all: Vec<_> = held.iter().map(|lock| shown(&firm, lock)).collect();
                let mut table = Table::new(&["ID", "LOGIN", "SCOPE", "UNTIL", "PATH"]);
                for one in &all {
                    let scope =
                        if one.depth == "0" { one.scope.to_owned() } else { format!("{}, all below", one.scope) };
                    let login = one.login.clone().unwrap_or_else(|| "-".to_owned());
                    table.row([one.id.clone(), login, scope, one.expires.clone(), printable(&one.path)]);
                }
                Reply::new(&all, table)
            }
            Self::Break { id } => {
                let find = move |vfs: &Vfs, permit: &Permit<Administer>| {
                    Ok(vfs.held_locks(permit).into_iter().find(|lock| lock.id == id))
                };
                let found = operator.inspect(("lock break, find", &id.to_string(), None), find).await?;
                let firm = operator.firm();
                let Some(lock) = found else {
                    let text = "There is no such lock: it has ended, or was broken before.\n".to_owned();
                    return Ok(Reply::new(&serde_json::Value::Null, text)?.negative(true));
                };
                let whose = shown(&firm, &lock);
                let subject = format!("{} of {}", whose.path, whose.login.as_deref().unwrap_or("nobody"));
                let end = move |vfs: &Vfs, permit: &Permit<Administer>| match vfs.break_lock(permit, id) {
                    // It ended by itself since it was found.
                    Err(Error::NotFound) => Ok(()),
                    done => done.map(drop),
                };
                operator.inspect(("lock break", &subject, matter_of(&firm, &lock)), end).await?;
                Reply::new(&whose, format!("The lock on {} is broken.\n", printable(&subject)))
            }
        }
    }
}

fn matter_of(firm: &Firm, lock: &HeldLock) -> Option<MatterId> {
    firm.matter_by_folder(&lock.path.names().first()?.folded()).map(|matter| matter.id)
}

fn shown(firm: &Firm, lock: &HeldLock) -> Shown {
    Shown {
        id: lock.id.to_string(),
        path: lock.path.to_string(),
        login: firm.account(lock.account).map(|account| account.login.clone()),
        scope: if lock.shared { "shared" } else { "exclusive" },
        depth: match lock.depth {
            LockDepth::Zero => "0",
            LockDepth::Infinity => "infinity",
        },
        expires: lock.expires.to_string(),
    }
}
