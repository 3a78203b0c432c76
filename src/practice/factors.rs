//! What opens an account beside its password and keys: a second factor with recovery codes, and device passwords.
//!
//! Device passwords and recovery codes are long and random, so that their SHA-256 is enough to keep: there is nothing to
//! guess (a slow hash protects what people choose themselves).

use std::sync::Arc;

use aws_lc_rs::digest;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::accounts::bounded;
use super::draft::Draft;
use super::words::{self, quoted};
use super::{Account, Error};
use crate::names::{AccountId, Timestamp};

/// How many device passwords an account may have.
const MAX_DEVICE_PASSWORDS: usize = 64;
/// How many recovery codes a second factor comes with.
pub const RECOVERY_CODES: usize = 10;

/// SHA-256 of a device password or a recovery code as it is typed, dashes and case aside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of what somebody typed.
    pub fn of(typed: &str) -> Self {
        let plain = |c: &char| *c != '-' && !c.is_whitespace();
        let text: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(plain).flat_map(char::to_lowercase).collect());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    /// As it was stored.
    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Codes of an authenticator (RFC 6238) that a login must give beside a password or a key.
#[derive(Clone)]
pub struct SecondFactor {
    /// The shared secret in base32 (RFC 4648 section 6).
    pub secret: Zeroizing<String>,
    /// Codes that work once each, for who has lost the authenticator.
    pub recovery: Vec<TokenDigest>,
    /// Since when.
    pub since: Timestamp,
}

/// A password of its own for one device of a person, which needs no second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct DevicePassword {
    /// What its owner calls it; unique for the account.
    pub name: String,
    /// Of the password.
    pub digest: TokenDigest,
    /// Sessions may list and read, and nothing else.
    pub read_only: bool,
    /// It opens nothing from this moment on.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl Account {
    /// The device password with this digest that is good now.
    pub fn device_password(&self, digest: &TokenDigest, now: Timestamp) -> Option<&DevicePassword> {
        let found = self.device_passwords.iter().find(|one| one.digest.is(digest));
        found.filter(|one| one.expires.is_none_or(|end| now < end))
    }
}

impl Draft<'_> {
    /// Another second factor takes the place of one that is there. Sessions opened before end.
    pub(super) fn set_second_factor(&mut self, login: &str, factor: SecondFactor) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        account.second_factor = Some(factor);
        account.credentials += 1;
        Ok(self.put_second_factor(account))
    }

    pub(super) fn clear_second_factor(&mut self, login: &str) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        if account.second_factor.take().is_none() {
            return Err(Error::NotFound(format!("{} has no second factor", account.login)));
        }
        account.credentials += 1;
        Ok(self.put_second_factor(account))
    }

    /// Uses a recovery code up; false if it is none of the account's.
    pub(super) fn spend_recovery_code(&mut self, account: AccountId, digest: &TokenDigest) -> Result<bool, Error> {
        let Some(account) = self.firm().account(account) else { return Ok(false) };
        let mut account = Account::clone(account);
        let Some(factor) = &mut account.second_factor else { return Ok(false) };
        let before = factor.recovery.len();
        factor.recovery.retain(|code| !code.is(digest));
        if factor.recovery.len() == before {
            return Ok(false);
        }
        self.put_second_factor(account);
        Ok(true)
    }

    pub(super) fn add_device_password(&mut self, login: &str, new: DevicePassword) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        let name = words::title("device", &new.name)?;
        if account.device_passwords.iter().any(|one| words::same(&one.name, &name)) {
            return Err(Error::Exists(format!("{} has a device password {} already", account.login, quoted(&name))));
        }
        bounded(account.device_passwords.len(), MAX_DEVICE_PASSWORDS, "device passwords of one account")?;
        if new.expires.is_some_and(|end| end <= new.created) {
            return Err(Error::Invalid("the device password would have expired already".to_owned()));
        }
        self.put_device_password(&mut account, DevicePassword { name, ..new });
        Ok(self.put_account(account))
    }

    /// Takes a device password away; sessions that it opened end.
    pub(super) fn revoke_device_password(&mut self, login: &str, name: &str) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        let found = account.device_passwords.iter().position(|one| words::same(&one.name, name));
        let at = found.ok_or_else(|| {
            Error::NotFound(format!(
                "{} has no device password {}; `account device-password list` names all",
                account.login,
                quoted(name)
            ))
        })?;
        let revoked = account.device_passwords.remove(at);
        self.delete_device_password(account.id, &revoked);
        Ok(self.put_account(account))
    }
}
