//! Whether an account gets receipts for what it puts into drop boxes.

use super::{Account, Error, Practice};
use crate::gate::{Administer, Permit};

impl Practice {
    /// Switches the receipts of an account on or off. Durable on return.
    pub fn set_receipts(&self, permit: Permit<Administer>, login: &str, receipts: bool) -> Result<(), Error> {
        self.change(permit, |draft| {
            let before = draft.account(login)?;
            if before.receipts != receipts {
                draft.put_account(Account { receipts, ..before });
            }
            Ok(())
        })
    }
}
