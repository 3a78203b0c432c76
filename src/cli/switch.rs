//! Switching the portal and its areas, for the firm and for a matter: who loses what is said first, and needs a yes.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::{Reply, count, printable};
use crate::names::MatterId;
use crate::practice::{Ending, Party, Switch};

/// How many matters and names a warning shows; the rest is counted.
const SHOWN: usize = 20;

/// The two positions of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnOff {
    On,
    Off,
}

impl OnOff {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// One switch and the position that it is to have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switching {
    pub(super) switch: Switch,
    pub(super) to: OnOff,
    /// The warning was read.
    pub(super) yes: bool,
}

impl Switching {
    /// `portal off`, `area invoices on`.
    pub(super) fn words(self) -> String {
        match self.switch {
            Switch::Portal => format!("portal {}", self.to.as_str()),
            Switch::Area(area) => format!("area {area} {}", self.to.as_str()),
        }
    }

    /// What stands in the way of a yes: who would lose what at once. Nothing was changed then.
    pub(super) async fn warning(
        self,
        operator: &Operator<'_>,
        action: &str,
        subject: &str,
        only: Option<MatterId>,
    ) -> Result<Option<Reply>, Problem> {
        let ending = match (self.to, self.yes) {
            (OnOff::Off, false) => operator.firm().ending(self.switch, only),
            _ => return Ok(None),
        };
        if ending.is_empty() {
            return Ok(None);
        }
        operator.look(&format!("{action} preview"), subject, only).await?;
        let what = match self.switch {
            Switch::Portal => "access to the portal".to_owned(),
            Switch::Area(area) => format!("the area {area}"),
        };
        let mut text = format!("This ends {what} at once on {}:\n", count(ending.len(), "matter"));
        for one in ending.iter().take(SHOWN) {
            let _ = writeln!(text, "  {}: {}", one.matter.number, names(operator, one));
        }
        if ending.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", count(ending.len() - SHOWN, "matter"));
        }
        text.push_str("Nothing was changed. Say it again with --yes to do it; switching on gives it back.\n");
        let list: Vec<_> = ending
            .iter()
            .map(|one| {
                let names: Vec<_> = one.participants.iter().map(|one| name_of(operator, one.party)).collect();
                serde_json::json!({ "matter": one.matter.number, "participants": names })
            })
            .collect();
        let data = serde_json::json!({ "changed": false, "confirm": "--yes", "ending": list });
        Ok(Some(Reply::new(&data, text)?.negative(true)))
    }
}

fn names(operator: &Operator<'_>, ending: &Ending) -> String {
    let mut shown: Vec<_> = ending
        .participants
        .iter()
        .take(SHOWN)
        .map(|one| printable(&name_of(operator, one.party)).to_string())
        .collect();
    if ending.participants.len() > SHOWN {
        shown.push(format!("and {} more", ending.participants.len() - SHOWN));
    }
    shown.join(", ")
}

fn name_of(operator: &Operator<'_>, party: Party) -> String {
    operator.firm().party_name(party).unwrap_or_default().to_owned()
}
