//! One login, from its start to its end.

use crate::names::{AccountId, AuthMethod, Front, Role, SessionId};

/// One login on one front end.
pub struct Session {
    id: SessionId,
    account: AccountId,
    login: String,
    role: Role,
    front: Front,
    peer: Option<std::net::IpAddr>,
    auth: AuthMethod,
}

#[allow(clippy::todo)]
impl Session {
    pub fn id(&self) -> SessionId {
        self.id
    }
    pub fn account(&self) -> AccountId {
        self.account
    }
    pub fn login(&self) -> &str {
        &self.login
    }
    pub fn role(&self) -> Role {
        self.role
    }
    pub fn front(&self) -> Front {
        self.front
    }
    pub fn peer(&self) -> Option<std::net::IpAddr> {
        self.peer
    }
    pub fn auth(&self) -> AuthMethod {
        self.auth
    }
    /// False once the account was disabled, its credentials changed or the operator ended the session.
    pub fn is_live(&self) -> bool {
        todo!()
    }
    /// Returns when the session has been ended from outside; a front end then closes the connection.
    pub async fn ended(&self) {
        todo!()
    }
}
