//! A switch and the position that it is to have, as the forms of the firm and of a matter have them.

use super::status::Failure;
use crate::names::Area;
use crate::practice::Switch;

/// What somebody wants to switch.
pub(super) struct Switching {
    pub(super) switch: Switch,
    pub(super) on: bool,
    /// `area invoices off`: as the record has it.
    pub(super) words: String,
    /// `The area Invoices`: as people read it.
    pub(super) name: String,
}

impl Switching {
    /// `what` is `portal` or an area, and its position `on` or `off`.
    pub(super) fn parse(what: &str, to: &str) -> Result<Self, Failure> {
        let no_switch = || Failure::bad("There is no such switch.");
        let switch = match what {
            "portal" => Switch::Portal,
            area => Switch::Area(area.parse::<Area>().map_err(|_| no_switch())?),
        };
        let on = match to {
            "on" => true,
            "off" => false,
            _ => return Err(no_switch()),
        };
        let (words, name) = match switch {
            Switch::Portal => (format!("portal {to}"), "The portal".to_owned()),
            Switch::Area(area) => (format!("area {area} {to}"), format!("The area {}", area.folder())),
        };
        Ok(Self { switch, on, words, name })
    }
}
