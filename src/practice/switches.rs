//! What is switched on: the portal and its areas, for the firm and for a matter, and whether a matter is open.
//!
//! The firm's switch wins: an area that is off for the firm is off on every matter, whatever the matter's own switch says.
//! Switching off takes effect on open sessions at once and forgets nothing: what was given comes back with the switch.

use std::sync::Arc;

use super::draft::Draft;
use super::{Access, Error, Firm, Matter, Participant};
use crate::names::{Area, Areas, MatterId};

/// The firm's switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// False takes every matter out of the portal.
    pub portal: bool,
    /// The areas that matters may show.
    pub areas: Areas,
}

impl Default for Switches {
    /// A new firm's.
    fn default() -> Self {
        Self { portal: true, areas: Areas::NEW_FIRM }
    }
}

/// One thing that can be switched off and on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// The whole portal.
    Portal,
    /// One area.
    Area(Area),
}

/// Who would lose something at once by a switch.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The matter.
    pub matter: Arc<Matter>,
    /// Participants whose access is on.
    pub participants: Vec<Arc<Participant>>,
}

impl Firm {
    /// Is the portal open for this matter, and with which areas?
    pub fn areas_of(&self, matter: &Matter) -> Option<Areas> {
        let shown = self.switches().portal && matter.portal && matter.open;
        shown.then(|| self.switches().areas & matter.areas)
    }

    /// What ends if something is switched off, for the firm or for one matter: matters that show it now, with the
    /// participants whose access is on.
    pub fn ending(&self, switch: Switch, only: Option<MatterId>) -> Vec<Ending> {
        let concerned = self.matters().filter(|matter| only.is_none_or(|only| only == matter.id));
        let shows = |matter: &&Arc<Matter>| match (self.areas_of(matter), switch) {
            (None, _) => false,
            (Some(_), Switch::Portal) => true,
            (Some(areas), Switch::Area(area)) => areas.has(area),
        };
        let ending = |matter: &Arc<Matter>| {
            let all = self.participants_of(matter.id).iter();
            let participants: Vec<_> = all.filter(|one| one.access == Access::Active).cloned().collect();
            (!participants.is_empty()).then(|| Ending { matter: matter.clone(), participants })
        };
        concerned.filter(shows).filter_map(ending).collect()
    }
}

impl Draft<'_> {
    pub(super) fn switch_firm(&mut self, switch: Switch, on: bool) -> Result<Switches, Error> {
        let before = self.firm().switches();
        let after = match switch {
            Switch::Portal => Switches { portal: on, ..before },
            Switch::Area(area) => Switches { areas: before.areas.with(area, on), ..before },
        };
        if after != before {
            self.put_switches(after);
        }
        Ok(after)
    }

    pub(super) fn switch_matter(&mut self, matter: MatterId, switch: Switch, on: bool) -> Result<Arc<Matter>, Error> {
        let before = self.known_matter(matter)?;
        let mut after = Matter::clone(&before);
        match switch {
            Switch::Portal => after.portal = on,
            Switch::Area(area) => after.areas = before.areas.with(area, on),
        }
        Ok(if after == *before { before } else { self.put_matter(after) })
    }

    /// A matter closes when nobody from outside is in it any more: whoever closes it must have taken leave of each.
    pub(super) fn close_matter(&mut self, matter: MatterId) -> Result<Arc<Matter>, Error> {
        let matter = self.known_matter(matter)?;
        let firm = self.firm();
        let on = firm.participants_of(matter.id).iter().filter(|one| one.access.is_on());
        let names: Vec<_> = on
            .map(|one| {
                let name = firm.party_name(one.party).unwrap_or("somebody");
                format!("{name} ({})", one.access)
            })
            .collect();
        if !names.is_empty() {
            return Err(Error::Refused(format!(
                "matter {} cannot be closed while access is on: {}; disable or remove it first",
                matter.number,
                names.join(", ")
            )));
        }
        self.set_open(&matter, false)
    }

    pub(super) fn reopen_matter(&mut self, matter: MatterId) -> Result<Arc<Matter>, Error> {
        let matter = self.known_matter(matter)?;
        self.set_open(&matter, true)
    }

    fn set_open(&mut self, matter: &Arc<Matter>, open: bool) -> Result<Arc<Matter>, Error> {
        if matter.open == open {
            return Ok(matter.clone());
        }
        let mut after = Matter::clone(matter);
        after.open = open;
        Ok(self.put_matter(after))
    }
}
