//! By what and from where an account may log in, where that is narrower than what opens it. It holds at every door, for logins
//! and for the sessions that they opened: what a restriction would refuse, it ends.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accounts::bounded;
use super::draft::Draft;
use super::{Account, Error, Practice};
use crate::gate::{Administer, Permit};
use crate::names::{AddressRange, AuthMethod};

/// By what an account can log in at all. A code of the second factor is none of them: it is asked beside password or key
/// whenever the account has one.
pub const LOGIN_METHODS: [AuthMethod; 4] =
    [AuthMethod::PublicKey, AuthMethod::Password, AuthMethod::DevicePassword, AuthMethod::Token];
/// How many address ranges an account may have: all are looked at for each login.
const MAX_RANGES: usize = 64;

/// What logins of an account are held to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// The methods that it may use; all if there are none here.
    pub methods: Vec<AuthMethod>,
    /// Where it may come from; anywhere if there is none here.
    pub from: Vec<AddressRange>,
}

/// What is to be different about it; nothing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestrictionChange {
    /// Of [`LOGIN_METHODS`]; none for all.
    pub methods: Option<Vec<AuthMethod>>,
    /// None for anywhere.
    pub from: Option<Vec<AddressRange>>,
}

impl Restriction {
    /// Why it refuses a login by this method from this address, if it does; for the record alone.
    pub fn refusal(&self, by: AuthMethod, from: IpAddr) -> Option<&'static str> {
        // Who follows a link sets a password and is in by that.
        let by = if by == AuthMethod::Link { AuthMethod::Password } else { by };
        if LOGIN_METHODS.contains(&by) && !self.methods.is_empty() && !self.methods.contains(&by) {
            return Some("the account may not log in by this method");
        }
        let outside = !self.from.is_empty() && !self.from.iter().any(|range| range.contains(from));
        outside.then_some("the account may not log in from this address")
    }

    /// True if it restricts nothing.
    pub fn is_none(&self) -> bool {
        self.methods.is_empty() && self.from.is_empty()
    }
}

/// As people read it: `publickey from 192.0.2.0/24`; nothing where nothing is restricted.
impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.iter().map(|method| method.as_str()).collect();
        let from: Vec<_> = self.from.iter().map(ToString::to_string).collect();
        let between = if methods.is_empty() || from.is_empty() { "" } else { " " };
        let word = if from.is_empty() { "" } else { "from " };
        write!(f, "{}{between}{word}{}", methods.join(", "), from.join(", "))
    }
}

impl Practice {
    /// Restricts the logins of an account. Durable on return; sessions that it would refuse end.
    pub fn restrict(
        &self,
        permit: Permit<Administer>,
        login: &str,
        change: RestrictionChange,
    ) -> Result<Arc<Account>, Error> {
        self.change(permit, |draft| draft.restrict(login, change))
    }
}

impl Draft<'_> {
    fn restrict(&mut self, login: &str, change: RestrictionChange) -> Result<Arc<Account>, Error> {
        let before = self.account(login)?;
        let mut restriction = before.restriction.clone();
        if let Some(methods) = change.methods {
            if let Some(other) = methods.iter().find(|method| !LOGIN_METHODS.contains(method)) {
                return Err(Error::Invalid(format!("{} is nothing that an account logs in by", other.as_str())));
            }
            restriction.methods = LOGIN_METHODS.into_iter().filter(|method| methods.contains(method)).collect();
        }
        if let Some(from) = change.from {
            bounded(from.len().saturating_sub(1), MAX_RANGES, "address ranges of one account")?;
            restriction.from = from;
        }
        if restriction == before.restriction {
            return Ok(Arc::new(before));
        }
        Ok(self.put_account(Account { restriction, ..before }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restriction_refuses_what_it_does_not_name() {
        let (inside, outside) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([198, 51, 100, 1]));
        let none = Restriction::default();
        assert!(none.refusal(AuthMethod::Token, outside).is_none() && none.is_none());
        let keys =
            Restriction { methods: vec![AuthMethod::PublicKey], from: vec!["192.0.2.0/24".parse().expect("one")] };
        assert_eq!(keys.refusal(AuthMethod::PublicKey, inside), None);
        assert!(keys.refusal(AuthMethod::PublicKey, outside).is_some_and(|why| why.contains("address")));
        for other in [AuthMethod::Password, AuthMethod::DevicePassword, AuthMethod::Token, AuthMethod::Link] {
            assert!(keys.refusal(other, inside).is_some_and(|why| why.contains("method")), "{other:?}");
        }
        assert_eq!(keys.to_string(), "publickey from 192.0.2.0/24");
    }
}
