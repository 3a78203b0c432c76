//! `/firm`: what holds for all matters; for the administrator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Seen};
use super::caller::Administrator;
use super::input::{Input, given, quota, quota_in_words};
use super::problem::Problem;
use super::switching;
use crate::names::{Area, Bytes};
use crate::practice::{Firm, FirmEdit, Practice, Switch};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    portal: Option<bool>,
    #[serde(default)]
    areas: BTreeMap<Area, bool>,
    #[serde(default, deserialize_with = "given")]
    quota: Option<Option<u64>>,
    #[serde(default)]
    confirm: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    portal: bool,
    areas: Vec<Area>,
    /// Bytes that may be kept in all matters.
    quota: Option<Bytes>,
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
    let Edit { portal, areas, quota: asked, confirm } = edit;
    let (areas, quota): (Vec<_>, _) = (areas.into_iter().collect(), quota(asked)?);
    let mut words = switching::in_words(portal, &areas);
    let action = match (words.is_empty(), quota) {
        (true, None) => return Err(Problem::unfit("there is nothing to change: say portal, areas or quota")),
        (true, Some(_)) => "quota set",
        (false, None) => "firm switch",
        (false, Some(_)) => "firm change",
    };
    words.extend(quota.map(quota_in_words));
    let subject = words.join(", ");
    if let Some(warning) = switching::warning(&firm, &switching::off(portal, &areas), None).filter(|_| !confirm) {
        administrator.look(("firm switch preview", &subject, None)).await?;
        return Err(warning);
    }
    let portal = portal.map(|on| (Switch::Portal, on));
    let switches = portal.into_iter().chain(areas.into_iter().map(|(area, on)| (Switch::Area(area), on))).collect();
    let edit = FirmEdit { switches, quota };
    let change = move |practice: &Practice, permit| practice.edit_firm(permit, |firm| seen.is(&shown(firm)), edit);
    administrator.change((action, &subject, None), change).await?;
    Answer::resource(&shown(&administrator.firm()))
}

fn shown(firm: &Firm) -> Shown {
    let switches = firm.switches();
    Shown { portal: switches.portal, areas: switches.areas.iter().collect(), quota: firm.quota() }
}
