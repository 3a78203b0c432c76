//! `deedbox access`: which participants may use the portal.

use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::link::{self, Sent};
use super::operator::Operator;
use super::participant;
use super::problem::Problem;
use super::reply::Reply;
use super::switch::OnOff;
use super::whom::{Place, Whom};
use crate::gate::{Manage, Permit};
use crate::practice::{Access, Invited, LinkPurpose, NewLink, Participant, Practice};

/// Which participants may use the portal for a matter
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Switch a participant's access on; makes their account if they have none
    #[command(
        after_help = "Example: deedbox access grant --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Grant {
        #[command(flatten)]
        whom: Whom,
        /// Take Read away on this matter
        #[arg(long)]
        no_download: bool,
    },
    /// Invite a participant: who has a login is in at once, who has none gets a single-use link to set one up
    #[command(
        after_help = "Example: deedbox access invite --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Invite {
        #[command(flatten)]
        whom: Whom,
        /// The e-mail address of a contact that has none
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Let the link end after so many days
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
        days: u16,
        #[command(flatten)]
        sent: Sent,
    },
    /// Send an invitation again, with a new link; the old one opens nothing any more
    #[command(
        after_help = "Example: deedbox access resend --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Resend {
        #[command(flatten)]
        whom: Whom,
        /// Let the link end after so many days
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
        days: u16,
        #[command(flatten)]
        sent: Sent,
    },
    /// Switch a participant's access off for a time; open sessions lose it at once
    #[command(
        after_help = "Example: deedbox access disable --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Disable {
        #[command(flatten)]
        whom: Whom,
    },
    /// Switch disabled access on again
    #[command(
        after_help = "Example: deedbox access enable --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Enable {
        #[command(flatten)]
        whom: Whom,
    },
    /// Take a participant's access away for good; open sessions lose it at once
    #[command(
        after_help = "Example: deedbox access remove --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Remove {
        #[command(flatten)]
        whom: Whom,
    },
    /// Say whether a participant may download on a matter, where the matter type lets them read
    #[command(
        after_help = "Example: deedbox access download off --matter 2026-0001 --contact client.one@example.com \\\n  --data /srv/deedbox"
    )]
    Download {
        /// on or off
        switch: OnOff,
        #[command(flatten)]
        whom: Whom,
    },
    /// List who has access, to one matter or to all
    #[command(after_help = "Example: deedbox access list --matter 2026-0001 --data /srv/deedbox --json")]
    List {
        /// Only this matter
        #[arg(long, value_name = "NUMBER")]
        matter: Option<String>,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Grant { whom, no_download } => grant(operator, &whom, no_download).await,
            Self::Invite { whom, email, days, sent } => {
                let place = Place::find(operator, &whom)?;
                let link = Arc::new(sent.link(operator, link::days(days))?);
                let (new, matter, contact) = (link.clone(), place.matter.id, place.contact.id);
                let invite = move |practice: &Practice, permit: Permit<Manage>| {
                    practice.invite(permit, (matter, contact), email.as_deref(), &new)
                };
                invited(
                    &place,
                    &sent,
                    &link,
                    operator.change(("access invite", &place.who(), Some(matter)), invite).await?,
                )
            }
            Self::Resend { whom, days, sent } => {
                let place = Place::find(operator, &whom)?;
                let link = Arc::new(sent.link(operator, link::days(days))?);
                let (new, matter, contact) = (link.clone(), place.matter.id, place.contact.id);
                let resend = move |practice: &Practice, permit: Permit<Manage>| {
                    practice.resend_invitation(permit, (matter, contact), &new)
                };
                invited(
                    &place,
                    &sent,
                    &link,
                    operator.change(("access resend", &place.who(), Some(matter)), resend).await?,
                )
            }
            Self::Disable { whom } => {
                let place = Place::find(operator, &whom)?;
                let one = place.change("access disable", Practice::disable_access).await?;
                let until = "`deedbox access enable` gives it back";
                place.reply(&one, |who, number| format!("{who} has no access to matter {number}; {until}.\n"))
            }
            Self::Enable { whom } => {
                let place = Place::find(operator, &whom)?;
                let one = place.change("access enable", Practice::enable_access).await?;
                place.reply(&one, |who, number| match one.access {
                    Access::Invited => {
                        format!(
                            "{who} never came in to matter {number}; `deedbox access resend` sends the invitation.\n"
                        )
                    }
                    _ => format!("{who} has access to matter {number} again.\n"),
                })
            }
            Self::Remove { whom } => {
                let place = Place::find(operator, &whom)?;
                let one = place.change("access remove", Practice::remove_access).await?;
                place.reply(&one, |who, number| format!("{who} has no access to matter {number} any more.\n"))
            }
            Self::Download { switch, whom } => {
                let place = Place::find(operator, &whom)?;
                let one = place.set_download(switch == OnOff::On).await?;
                let may = if switch == OnOff::On { "may" } else { "may not" };
                place.reply(&one, |who, number| format!("{who} {may} download on matter {number}.\n"))
            }
            Self::List { matter: Some(number) } => {
                let matter = operator.matter(&number)?;
                operator.look("access list", &number, Some(matter.id)).await?;
                participant::list(operator, &[matter])
            }
            Self::List { matter: None } => {
                operator.look("access list", "", None).await?;
                let matters: Vec<_> = operator.firm().matters().cloned().collect();
                participant::list(operator, &matters)
            }
        }
    }
}

/// What came of an invitation: the person is in, or has a link.
fn invited(place: &Place<'_, '_>, sent: &Sent, link: &NewLink, invited: Invited) -> Result<Reply, Problem> {
    let Invited { participant, account } = invited;
    let (login, number) = (&account.login, &place.matter.number);
    let is_pending = participant.access == Access::Invited;
    let url = sent.shown(place.operator, LinkPurpose::Invitation, link).filter(|_| is_pending);
    let text = match (is_pending, &url) {
        (false, _) => format!("{login} has a login already, and access to matter {number}.\n"),
        (true, Some(url)) => format!(
            "{login} is invited to matter {number}. Until {} this link sets the login up, once:\n{}\n",
            link.expires,
            url.expose()
        ),
        (true, None) => format!("{login} is invited to matter {number}; the link is on its way by mail.\n"),
    };
    let expires = is_pending.then(|| link.expires.to_string());
    let shown = participant::shown(place.operator, &place.matter, &participant);
    Reply::new(&serde_json::json!({ "participant": shown, "link": url, "expires": expires }), text)
}

async fn grant(operator: &Operator<'_>, whom: &Whom, no_download: bool) -> Result<Reply, Problem> {
    let place = Place::find(operator, whom)?;
    let mut one = place.change("access grant", Practice::grant_access).await?;
    if no_download == one.can_download {
        one = place.set_download(!no_download).await?;
    }
    let mut nothing_opens = String::new();
    let account = operator.firm().account_of(place.party()).cloned();
    if let Some(account) = account.filter(|one| one.password.is_none() && one.keys.is_empty()) {
        nothing_opens = format!("Nothing opens the login yet: `deedbox account password {}`.\n", account.login);
    }
    place.reply(&one, |who, number| format!("{who} has access to matter {number}.\n{nothing_opens}"))
}

impl Place<'_, '_> {
    async fn set_download(&self, on: bool) -> Result<Arc<Participant>, Problem> {
        let action = if on { "access download" } else { "access no-download" };
        self.change(action, move |practice, permit, matter, party| practice.set_can_download(permit, matter, party, on))
            .await
    }

    /// `text` is told who and on which matter.
    fn reply(&self, one: &Participant, text: impl FnOnce(&str, &str) -> String) -> Result<Reply, Problem> {
        Reply::new(&participant::shown(self.operator, &self.matter, one), text(&self.who(), &self.matter.number))
    }
}
