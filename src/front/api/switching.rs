//! Switching something off: who loses what by it at once is said first, and needs a `confirm`.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::names::{Area, MatterId};
use crate::practice::{Firm, Switch};

/// What stands in the way of these switches going off unconfirmed: a problem that names who would lose what. Nothing if nobody
/// would.
pub(super) fn warning(firm: &Firm, off: &[Switch], only: Option<MatterId>) -> Option<Problem> {
    let ending: Vec<_> = off.iter().flat_map(|switch| ending(firm, *switch, only)).collect();
    if ending.is_empty() {
        return None;
    }
    let detail =
        "this would end what is named in `ending` at once; nothing was changed; send it again with \"confirm\": true";
    Some(Problem::of_kind(StatusCode::CONFLICT, "confirmation-needed", detail).with("ending", ending.into()))
}

fn ending(firm: &Firm, switch: Switch, only: Option<MatterId>) -> Vec<Value> {
    let of_matter = |ending: crate::practice::Ending| {
        let names: Vec<_> = ending.participants.iter().filter_map(|one| firm.party_name(one.party)).collect();
        json!({ "switch": word(switch), "matter": ending.matter.number, "participants": names })
    };
    firm.ending(switch, only).into_iter().map(of_matter).collect()
}

fn word(switch: Switch) -> String {
    match switch {
        Switch::Portal => "portal".to_owned(),
        Switch::Area(area) => area.to_string(),
    }
}

/// `portal off`, `area invoices on`: as the record has it.
pub(super) fn in_words(portal: Option<bool>, areas: &[(Area, bool)]) -> Vec<String> {
    let position = |on: bool| if on { "on" } else { "off" };
    let portal = portal.map(|on| format!("portal {}", position(on)));
    portal.into_iter().chain(areas.iter().map(|(area, on)| format!("area {area} {}", position(*on)))).collect()
}

/// Those that go off.
pub(super) fn off(portal: Option<bool>, areas: &[(Area, bool)]) -> Vec<Switch> {
    let portal = portal.filter(|on| !on).map(|_| Switch::Portal);
    portal.into_iter().chain(areas.iter().filter(|(_, on)| !on).map(|(area, _)| Switch::Area(*area))).collect()
}
