//! The sessions that are open, for who administers the firm: to be seen, and to be ended.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Administer, Gate, Permit, Session};
use crate::audit::{Detail, Outcome};
use crate::names::{AuthMethod, Front, Role, SessionId, Timestamp};

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Its id, as in the audit record.
    pub id: SessionId,
    /// Whose.
    pub login: String,
    /// What the account is.
    pub role: Role,
    /// The door.
    pub front: Front,
    /// The address at the other end.
    pub peer: Option<IpAddr>,
    /// How the person proved who they are.
    pub auth: AuthMethod,
    /// True if a second factor was proven, too.
    pub second_factor: bool,
    /// When it began.
    pub since: Timestamp,
}

/// Which sessions are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One.
    Session(SessionId),
    /// All of a login, in whatever case it is written.
    Login(String),
}

impl From<&Session> for OpenSession {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id(),
            login: session.login().to_owned(),
            role: session.role(),
            front: session.front(),
            peer: session.peer(),
            auth: session.auth(),
            second_factor: session.second_factor(),
            since: session.since(),
        }
    }
}

impl Which {
    fn is(&self, session: &Session) -> bool {
        match self {
            Self::Session(id) => session.id() == *id,
            Self::Login(login) => session.login().eq_ignore_ascii_case(login),
        }
    }
}

impl Gate {
    /// The sessions that are open, the oldest first.
    pub fn sessions(&self, permit: Permit<Administer>) -> Vec<OpenSession> {
        let mut open: Vec<_> = self.live_sessions().iter().map(|session| OpenSession::from(&**session)).collect();
        open.sort_by_key(|session| (session.since, session.id));
        permit.settle(Outcome::Done, Detail::default());
        open
    }

    /// Ends sessions and gives those that were open: their connections, transfers and mounts end within a second. Nobody is
    /// kept from logging in again.
    pub fn end_sessions(&self, permit: Permit<Administer>, which: &Which) -> Vec<OpenSession> {
        let ended: Vec<_> = self.live_sessions().into_iter().filter(|session| which.is(session)).collect();
        for session in &ended {
            match session.front() {
                // Its connection notices, and records the end.
                Front::Sftp => session.end(),
                // Between two requests there is nothing that could notice.
                Front::Webdav | Front::Web | Front::Api | Front::Console | Front::Service => self.logout(session),
            }
        }
        let ids: Vec<_> = ended.iter().map(|session| session.id().to_string()).collect();
        permit.settle(Outcome::Done, Detail::because(format!("ended: {}", ids.join(" "))));
        ended.iter().map(|session| OpenSession::from(&**session)).collect()
    }

    fn live_sessions(&self) -> Vec<Arc<Session>> {
        let sessions = self.sessions.lock();
        sessions.values().filter_map(std::sync::Weak::upgrade).filter(|session| session.is_live()).collect()
    }
}
