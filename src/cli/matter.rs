//! `deedbox matter`: files of work for a client.

use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::Global;
use super::matter_activity::Activity;
use super::matter_folders;
use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::{Reply, Table};
use super::switch::{OnOff, Switching};
use crate::gate::{Manage, Permit};
use crate::names::{AccountId, Area, Bytes, MatterId};
use crate::practice::{Error, Matter, NewMatter, Practice, Switch, WatchChange};

/// Files of work for a client
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Open a matter, with its own key and the folders of its matter type
    #[command(
        after_help = "Example: deedbox matter add 2026-0001 'Purchase of 12 High Street' --type General \\\n  --data /srv/deedbox"
    )]
    Add {
        /// Its number
        number: String,
        /// Its name
        name: String,
        /// Its matter type
        #[arg(long = "type", value_name = "NAME")]
        matter_type: String,
        /// The member of staff whose matter it is, who is told by mail of what participants upload
        #[arg(long, value_name = "LOGIN")]
        owner: Option<String>,
    },
    /// Print a matter: what is switched on, its folders and who may do what in them
    #[command(after_help = "Example: deedbox matter show 2026-0001 --data /srv/deedbox --json")]
    Show {
        /// Its number
        number: String,
    },
    /// Switch the portal for this matter on or off
    #[command(after_help = "Example: deedbox matter portal 2026-0001 off --yes --data /srv/deedbox")]
    Portal {
        /// Its number
        number: String,
        /// on or off
        switch: OnOff,
        /// The warning was read: go on
        #[arg(long)]
        yes: bool,
    },
    /// Switch an area of this matter on or off, as far as the firm has it on
    #[command(after_help = "Example: deedbox matter area 2026-0001 invoices off --yes --data /srv/deedbox")]
    Area {
        /// Its number
        number: String,
        /// documents, messages, invoices, tasks, calendar or notes
        area: Area,
        /// on or off
        switch: OnOff,
        /// The warning was read: go on
        #[arg(long)]
        yes: bool,
    },
    /// Say whose matter it is: a member of staff, who is told by mail of what participants upload
    #[command(after_help = "Example: deedbox matter owner 2026-0001 staff.one@example.com --data /srv/deedbox")]
    Owner {
        /// Its number
        number: String,
        /// The member of staff; nobody if left out
        login: Option<String>,
    },
    /// Have another member of staff told by mail of what participants upload
    #[command(after_help = "Example: deedbox matter follow 2026-0001 staff.two@example.com --data /srv/deedbox")]
    Follow {
        /// Its number
        number: String,
        /// The member of staff
        login: String,
    },
    /// Have a follower not told any more
    #[command(after_help = "Example: deedbox matter unfollow 2026-0001 staff.two@example.com --data /srv/deedbox")]
    Unfollow {
        /// Its number
        number: String,
        /// The member of staff
        login: String,
    },
    /// Say whether the names of its documents stay out of all mail
    #[command(after_help = "Example: deedbox matter confidential 2026-0001 on --data /srv/deedbox")]
    Confidential {
        /// Its number
        number: String,
        /// on or off
        switch: OnOff,
    },
    Activity(Activity),
    /// Close a matter on which nobody has access any more
    #[command(after_help = "Example: deedbox matter close 2026-0001 --data /srv/deedbox")]
    Close {
        /// Its number
        number: String,
    },
    /// Open a closed matter again
    #[command(after_help = "Example: deedbox matter reopen 2026-0001 --data /srv/deedbox")]
    Reopen {
        /// Its number
        number: String,
    },
    /// List the matters
    #[command(after_help = "Example: deedbox matter list --data /srv/deedbox --json")]
    List,
}

/// A matter in answers.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    number: String,
    name: String,
    #[serde(rename = "type")]
    matter_type: String,
    type_version: u32,
    folder: String,
    open: bool,
    portal: bool,
    areas: Vec<Area>,
    owner: Option<String>,
    followers: Vec<String>,
    confidential: bool,
    quota: Option<Bytes>,
    participants: usize,
    created: String,
    id: String,
}

impl Command {
    /// Serves here what writes a file of this process's user; gives anything else back.
    pub(super) fn export(self, global: &Global) -> Result<Self, Result<Reply, Problem>> {
        match self {
            Self::Activity(activity) => match activity.csv.clone() {
                Some(file) => Err(activity.export(global, &file)),
                None => Ok(Self::Activity(activity)),
            },
            other => Ok(other),
        }
    }

    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { number, name, matter_type, owner } => {
                if operator.firm().matter_by_number(&number).is_some() {
                    return Err(Problem::failed(format_args!("there is a matter {number} already")));
                }
                let (subject, id) = (number.clone(), MatterId::random());
                let keyring = operator.core().keyring().clone();
                let matter = operator
                    .change(("matter add", &subject, Some(id)), move |practice, permit| {
                        // The key comes first: a matter without one could be seen but hold nothing.
                        keyring.create_matter(id).doing("make the matter's key")?;
                        practice
                            .add_matter(permit, NewMatter { id, number, name, matter_type, owner })
                            .map_err(Problem::failed)
                    })
                    .await?;
                let text = format!("Matter {} is open; its folder is \"{}\".\n", matter.number, matter.folder_name);
                Reply::new(&shown(operator, &matter), text)
            }
            Self::Show { number } => {
                let matter = operator.matter(&number)?;
                operator.look("matter show", &matter.number, Some(matter.id)).await?;
                matter_folders::reply(operator, &matter)
            }
            Self::Portal { number, switch: to, yes } => {
                set(operator, &number, Switching { switch: Switch::Portal, to, yes }).await
            }
            Self::Area { number, area, switch: to, yes } => {
                set(operator, &number, Switching { switch: Switch::Area(area), to, yes }).await
            }
            Self::Owner { number, login } => {
                let whose = login.as_deref().map_or("nobody's".to_owned(), |login| format!("the matter of {login}"));
                watch(operator, &number, "matter owner", WatchChange::Owner(login), &whose).await
            }
            Self::Follow { number, login } => {
                let followed = format!("followed by {login}");
                watch(operator, &number, "matter follow", WatchChange::Follow(login), &followed).await
            }
            Self::Unfollow { number, login } => {
                let left = format!("not followed by {login}");
                watch(operator, &number, "matter unfollow", WatchChange::Unfollow(login), &left).await
            }
            Self::Confidential { number, switch } => {
                let (on, is) = match switch {
                    OnOff::On => (true, "confidential: no mail names its documents"),
                    OnOff::Off => (false, "not confidential: mail may name its documents if the firm has that on"),
                };
                watch(operator, &number, "matter confidential", WatchChange::Confidential(on), is).await
            }
            Self::Activity(activity) => activity.run(operator).await,
            Self::Close { number } => change(operator, &number, "matter close", Practice::close_matter, "closed").await,
            Self::Reopen { number } => {
                change(operator, &number, "matter reopen", Practice::reopen_matter, "open again").await
            }
            Self::List => {
                operator.look("matter list", "", None).await?;
                let all: Vec<_> = operator.firm().matters().map(|matter| shown(operator, matter)).collect();
                let mut table = Table::new(&["NUMBER", "NAME", "TYPE", "STATE", "PARTICIPANTS"]);
                for matter in &all {
                    let state = match (matter.open, matter.portal) {
                        (true, true) => "open",
                        (true, false) => "open, portal off",
                        (false, _) => "closed",
                    };
                    let kind = format!("{} v{}", matter.matter_type, matter.type_version);
                    let participants = matter.participants.to_string();
                    table.row([matter.number.clone(), matter.name.clone(), kind, state.to_owned(), participants]);
                }
                Reply::new(&all, table)
            }
        }
    }
}

async fn set(operator: &Operator<'_>, number: &str, switching: Switching) -> Result<Reply, Problem> {
    let (id, number) = operator.matter(number).map(|matter| (matter.id, matter.number.clone()))?;
    let subject = format!("{number} {}", switching.words());
    if let Some(warning) = switching.warning(operator, "matter switch", &subject, Some(id)).await? {
        return Ok(warning);
    }
    let Switching { switch, to, .. } = switching;
    let work = move |practice: &Practice, permit| practice.switch_matter(permit, id, switch, to == OnOff::On);
    let matter = operator.change(("matter switch", &subject, Some(id)), work).await?;
    let mut text = format!("Matter {number} has {}.\n", switching.words());
    if let (Switch::Area(area), OnOff::On, false) = (switch, to, matter_shows(operator, &matter, switch)) {
        text.push_str(&format!("It does not show yet: `deedbox firm area {area} on` switches it on for the firm.\n"));
    }
    Reply::new(&shown(operator, &matter), text)
}

fn matter_shows(operator: &Operator<'_>, matter: &Matter, switch: Switch) -> bool {
    match (operator.firm().areas_of(matter), switch) {
        (Some(areas), Switch::Area(area)) => areas.has(area),
        (areas, _) => areas.is_some(),
    }
}

async fn watch(
    operator: &Operator<'_>,
    number: &str,
    action: &str,
    to: WatchChange,
    is: &str,
) -> Result<Reply, Problem> {
    let work = move |practice: &Practice, permit, id| practice.watch_matter(permit, id, to);
    change(operator, number, action, work, is).await
}

async fn change(
    operator: &Operator<'_>,
    number: &str,
    action: &str,
    work: impl FnOnce(&Practice, Permit<Manage>, MatterId) -> Result<Arc<Matter>, Error> + Send + 'static,
    is: &str,
) -> Result<Reply, Problem> {
    let matter = operator.matter(number)?;
    let id = matter.id;
    let work = move |practice: &Practice, permit| work(practice, permit, id);
    let matter = operator.change((action, &matter.number, Some(id)), work).await?;
    Reply::new(&shown(operator, &matter), format!("Matter {} is {is}.\n", matter.number))
}

pub(super) fn shown(operator: &Operator<'_>, matter: &Matter) -> Shown {
    let firm = operator.firm();
    let login = |id: &AccountId| firm.account(*id).map(|account| account.login.clone());
    Shown {
        number: matter.number.clone(),
        name: matter.name.clone(),
        matter_type: matter.matter_type.clone(),
        type_version: matter.type_version,
        folder: matter.folder_name.to_string(),
        open: matter.open,
        portal: matter.portal,
        areas: matter.areas.iter().collect(),
        owner: matter.watch.owner.as_ref().and_then(login),
        followers: matter.watch.followers.iter().filter_map(login).collect(),
        confidential: matter.watch.confidential,
        quota: matter.quota,
        participants: firm.participants_of(matter.id).len(),
        created: matter.created.to_string(),
        id: matter.id.to_string(),
    }
}
