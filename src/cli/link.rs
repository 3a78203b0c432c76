//! Single-use links on the command line: how long one is good, and how it reaches its person.

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::secret::Secret;
use crate::gate;
use crate::practice::{Delivery, LinkPurpose, NewLink};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How a link reaches its person.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// Print the link, to be handed over in person, instead of mailing it
    #[arg(long)]
    show_link: bool,
}

impl Sent {
    /// A link that is good for so many days, on the way that was asked for.
    ///
    /// # Errors
    /// If the firm sends no mail, or the address of its pages is not known.
    pub(super) fn link(&self, operator: &Operator<'_>, life: Duration) -> Result<NewLink, Problem> {
        let settings = operator.core().settings();
        if settings.public_url.is_none() {
            return Err(Problem::failed("a link needs the address of the pages: set `public_url` under [https]"));
        }
        if !self.show_link && settings.mail.is_none() {
            return Err(Problem::failed(
                "no mail is sent, since the configuration has no [mail]; `--show-link` prints the link instead",
            ));
        }
        let delivery = if self.show_link { Delivery::Shown } else { Delivery::Mail };
        Ok(gate::new_link(life, delivery))
    }

    /// The link as the person opens it, where it was to be shown.
    pub(super) fn shown(&self, operator: &Operator<'_>, purpose: LinkPurpose, link: &NewLink) -> Option<Secret> {
        let settings = operator.core().settings();
        let url = settings.public_url.as_ref().filter(|_| self.show_link)?;
        Some(Secret::new(format!("{url}{}{}", purpose.path(), *link.token)))
    }
}

/// So many days.
pub(super) fn days(count: u16) -> Duration {
    DAY * u32::from(count)
}
