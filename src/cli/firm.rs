//! `deedbox firm`: what is switched on for all matters.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use super::switch::{OnOff, Switching};
use crate::names::Area;
use crate::practice::{Practice, Switch, Switches};

/// What is switched on for all matters
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Print the firm's switches
    #[command(after_help = "Example: deedbox firm show --data /srv/deedbox --json")]
    Show,
    /// Switch the whole portal on or off
    #[command(after_help = "Example: deedbox firm portal off --yes --data /srv/deedbox")]
    Portal {
        /// on or off
        switch: OnOff,
        /// The warning was read: go on
        #[arg(long)]
        yes: bool,
    },
    /// Switch an area on or off for all matters; a matter's own switch can only restrict further
    #[command(after_help = "Example: deedbox firm area documents on --data /srv/deedbox")]
    Area {
        /// documents, messages, invoices, tasks, calendar or notes
        area: Area,
        /// on or off
        switch: OnOff,
        /// The warning was read: go on
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Show => {
                operator.look("firm show", "", None).await?;
                let Switches { portal, areas } = operator.firm().switches();
                let state = if portal { "on" } else { "off" };
                shown(operator, format!("The portal is {state}. Areas that are on: {areas}.\n"))
            }
            Self::Portal { switch: to, yes } => set(operator, Switching { switch: Switch::Portal, to, yes }).await,
            Self::Area { area, switch: to, yes } => {
                set(operator, Switching { switch: Switch::Area(area), to, yes }).await
            }
        }
    }
}

async fn set(operator: &Operator<'_>, switching: Switching) -> Result<Reply, Problem> {
    let words = switching.words();
    if let Some(warning) = switching.warning(operator, "firm switch", &words, None).await? {
        return Ok(warning);
    }
    let Switching { switch, to, .. } = switching;
    let change = move |practice: &Practice, permit| practice.switch_firm(permit, switch, to == OnOff::On);
    operator.change(("firm switch", &words, None), change).await?;
    shown(operator, format!("The firm has {words}.\n"))
}

fn shown(operator: &Operator<'_>, text: String) -> Result<Reply, Problem> {
    let Switches { portal, areas } = operator.firm().switches();
    Reply::new(&serde_json::json!({ "portal": portal, "areas": areas.iter().collect::<Vec<_>>() }), text)
}
