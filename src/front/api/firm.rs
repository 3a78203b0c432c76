//! `/firm`: what is switched on for all matters; for the administrator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Seen};
use super::caller::Administrator;
use super::input::Input;
use super::problem::Problem;
use super::switching;
use crate::names::Area;
use crate::practice::{Firm, Practice, Switch};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    portal: Option<bool>,
    #[serde(default)]
    areas: BTreeMap<Area, bool>,
    #[serde(default)]
    confirm: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    portal: bool,
    areas: Vec<Area>,
}

pub(super) async fn show(administrator: Administrator) -> Result<Answer, Problem> {
    administrator.look(("firm show", "", None)).await?;
    Answer::resource(&shown(&administrator.firm()))
}

pub(super) async fn edit(
    administrator: Administrator,
    seen: Seen,
    Input(edit): Input<Edit>,
) -> Result<Answer, Problem> {
    let firm = administrator.firm();
    seen.check(&shown(&firm))?;
    let Edit { portal, areas, confirm } = edit;
    let areas: Vec<_> = areas.into_iter().collect();
    let subject = switching::in_words(portal, &areas).join(", ");
    if subject.is_empty() {
        return Err(Problem::unfit("there is nothing to change: say portal or areas"));
    }
    if let Some(warning) = switching::warning(&firm, &switching::off(portal, &areas), None).filter(|_| !confirm) {
        administrator.look(("firm switch preview", &subject, None)).await?;
        return Err(warning);
    }
    let portal = portal.map(|on| (Switch::Portal, on));
    let switches: Vec<_> =
        portal.into_iter().chain(areas.into_iter().map(|(area, on)| (Switch::Area(area), on))).collect();
    let change = move |practice: &Practice, permit| practice.edit_firm(permit, |firm| seen.is(&shown(firm)), &switches);
    administrator.change(("firm switch", &subject, None), change).await?;
    Answer::resource(&shown(&administrator.firm()))
}

fn shown(firm: &Firm) -> Shown {
    let switches = firm.switches();
    Shown { portal: switches.portal, areas: switches.areas.iter().collect() }
}
