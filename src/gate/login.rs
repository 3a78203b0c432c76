//! Proving who somebody is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Gate, Session};
use crate::names::Front;

/// Why there is no session. The same for an unknown login and a wrong password, after the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Wrong, unknown or disabled.
    #[error("login refused")]
    Refused,
    /// Too many failures from this address or for this login.
    #[error("too many attempts; try again in {} s", .0.as_secs())]
    Throttled(Duration),
    /// The audit record cannot be written, or too many logins wait.
    #[error("the service is not available now; try again later")]
    Unavailable,
}

#[allow(unused_variables, clippy::todo)]
impl Gate {
    /// Checks a password and opens a session (SFTP). Failures have been delayed when this returns.
    pub async fn login_password(
        &self,
        front: Front,
        peer: IpAddr,
        login: &str,
        password: &str,
    ) -> Result<Arc<Session>, LoginError> {
        todo!()
    }
    /// Basic authentication: as `login_password`, but an equal request within the cache's time finds its session again.
    pub async fn login_basic(&self, peer: IpAddr, login: &str, password: &str) -> Result<Arc<Session>, LoginError> {
        todo!()
    }
    /// Does this account accept this public key (SSH wire encoding of the key)? Never blocks; false for unknown logins.
    pub fn accepts_key(&self, login: &str, key: &[u8]) -> bool {
        todo!()
    }
    /// Opens a session for a key whose signature the SSH layer has verified.
    pub async fn login_key(&self, peer: IpAddr, login: &str, key: &[u8]) -> Result<Arc<Session>, LoginError> {
        todo!()
    }
    /// Records the end of a session.
    pub fn logout(&self, session: &Session) {
        todo!()
    }
}
