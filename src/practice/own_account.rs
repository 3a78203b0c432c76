//! What people change about their own account: the same rules as for the administrator's changes, for the account of the
//! permit and no other.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::draft::Draft;
use super::{Account, DevicePassword, Error, Practice, SecondFactor, TokenDigest};
use crate::gate::{OwnAccount, Permit};

/// Each method is durable on return and then in the snapshot, or changes nothing and says why. All block.
impl Practice {
    /// Another password, given as the PHC string of its hash. Sessions opened before end.
    pub fn set_own_password(&self, permit: Permit<OwnAccount>, phc: String) -> Result<Arc<Account>, Error> {
        let phc = Zeroizing::new(phc);
        self.change_own(permit, |draft, login| draft.set_password(login, phc))
    }

    /// Adds an SSH public key, given as the line of its `.pub` file. Sessions opened before end.
    pub fn add_own_key(&self, permit: Permit<OwnAccount>, openssh_text: &str) -> Result<Arc<Account>, Error> {
        self.change_own(permit, |draft, login| draft.add_key(login, openssh_text))
    }

    /// Takes the SSH key with this fingerprint away. Sessions that it opened end.
    pub fn remove_own_key(&self, permit: Permit<OwnAccount>, fingerprint: &str) -> Result<Arc<Account>, Error> {
        self.change_own(permit, |draft, login| draft.remove_key(login, fingerprint))
    }

    /// Has logins ask for a code beside password or key. Sessions opened before end.
    pub fn set_own_second_factor(
        &self,
        permit: Permit<OwnAccount>,
        factor: SecondFactor,
    ) -> Result<Arc<Account>, Error> {
        self.change_own(permit, |draft, login| draft.set_second_factor(login, factor))
    }

    /// Takes the second factor away. Sessions opened before end.
    pub fn clear_own_second_factor(&self, permit: Permit<OwnAccount>) -> Result<Arc<Account>, Error> {
        self.change_own(permit, |draft, login| draft.clear_second_factor(login))
    }

    /// Adds a password for one device.
    pub fn add_own_device_password(
        &self,
        permit: Permit<OwnAccount>,
        new: DevicePassword,
    ) -> Result<Arc<Account>, Error> {
        self.change_own(permit, |draft, login| draft.add_device_password(login, new))
    }

    /// Takes a device password away. Sessions that it opened end.
    pub fn revoke_own_device_password(&self, permit: Permit<OwnAccount>, name: &str) -> Result<Arc<Account>, Error> {
        self.change_own(permit, |draft, login| draft.revoke_device_password(login, name))
    }

    /// Uses a recovery code up; false if the account has no such code.
    pub fn spend_recovery_code(&self, permit: Permit<OwnAccount>, code: &TokenDigest) -> Result<bool, Error> {
        let account = permit.by();
        self.change(permit, |draft| draft.spend_recovery_code(account, code))
    }

    fn change_own<T>(
        &self,
        permit: Permit<OwnAccount>,
        work: impl FnOnce(&mut Draft<'_>, &str) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let by = permit.by();
        self.change(permit, |draft| {
            let account = draft.firm().account(by).cloned();
            let account = account.ok_or_else(|| Error::NotFound("there is no such account any more".to_owned()))?;
            work(draft, &account.login)
        })
    }
}
