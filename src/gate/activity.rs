//! Who may see what people did: of a matter staff, the administrator and the auditor; everybody of themselves. A
//! participant never sees what another participant does.

use super::{Gate, Permit, SeeActivity, SeeOwnAccount};
use crate::audit::{Lookup, Page, Scope, VerifyError};

impl Gate {
    /// What was done in the matter that the permit names, newest first. Blocks.
    ///
    /// # Errors
    /// If the audit record is damaged where it is read.
    pub fn activity(&self, permit: &Permit<SeeActivity>, lookup: &Lookup) -> Result<Page, VerifyError> {
        match permit.target().matter {
            Some(matter) => self.log.activity(Scope::Matter(matter), lookup, self.transients()),
            None => Ok(Page::default()),
        }
    }

    /// What the permit's own account did, its logins and changes of its own too, newest first. Refusals are left out: among
    /// them are those of what the person may not know of. Blocks.
    ///
    /// # Errors
    /// If the audit record is damaged where it is read.
    pub fn own_activity(&self, permit: &Permit<SeeOwnAccount>, lookup: &Lookup) -> Result<Page, VerifyError> {
        self.log.activity(Scope::Account(permit.by()), lookup, self.transients())
    }
}
