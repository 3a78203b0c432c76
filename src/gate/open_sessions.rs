//! The sessions that are open, for who administers the firm and each person's for themselves: to be seen, and to be ended.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Administer, Gate, Operation, OwnAccount, Permit, SeeOwnAccount, Session};
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

/// A session of one's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// The session.
    pub open: OpenSession,
    /// Whoever looks does so in this one, or in one that goes on from it.
    pub is_this: bool,
}

/// Which sessions of one's own account are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichOwn {
    /// One.
    Session(SessionId),
    /// All but this one and those that go on from it.
    Others(SessionId),
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

    /// The sessions of the permit's own account that are open, the oldest first, as looked at in one of them.
    pub fn own_sessions(&self, permit: Permit<SeeOwnAccount>, from: &Session) -> Vec<OwnSession> {
        let is_this = |session: &Session| session.origin() == from.origin();
        let all = self.live_sessions();
        let own = all.iter().filter(|session| session.account() == permit.by());
        let mut own: Vec<_> =
            own.map(|one| OwnSession { open: OpenSession::from(&**one), is_this: is_this(one) }).collect();
        own.sort_by_key(|one| (one.open.since, one.open.id));
        permit.settle(Outcome::Done, Detail::default());
        own
    }

    /// Ends sessions and gives those that were open: their connections, transfers and mounts end within a second. Nobody is
    /// kept from logging in again.
    pub fn end_sessions(&self, permit: Permit<Administer>, which: &Which) -> Vec<OpenSession> {
        let ended = self.end(|session| which.is(session));
        settle(permit, &ended);
        ended
    }

    /// The same with sessions of the permit's own account.
    pub fn end_own_sessions(&self, permit: Permit<OwnAccount>, which: WhichOwn) -> Vec<OpenSession> {
        let by = permit.by();
        let here = match which {
            WhichOwn::Session(_) => None,
            WhichOwn::Others(here) => self.live_sessions().iter().find(|one| one.id() == here).map(|one| one.origin()),
        };
        let ended = self.end(|session| {
            let meant = match which {
                WhichOwn::Session(id) => session.id() == id,
                WhichOwn::Others(_) => here != Some(session.origin()),
            };
            session.account() == by && meant
        });
        settle(permit, &ended);
        ended
    }

    /// Ends those, and whatever goes on from the same logins: a browser that comes from another address, too.
    fn end(&self, is_meant: impl Fn(&Session) -> bool) -> Vec<OpenSession> {
        let mut ended = self.live_sessions();
        let meant: HashSet<_> = ended.iter().filter(|one| is_meant(one)).map(|one| one.origin()).collect();
        ended.retain(|one| meant.contains(&one.origin()));
        for session in &ended {
            match session.front() {
                // Its connection notices, and records the end.
                Front::Sftp => session.end(),
                // Between two requests there is nothing that could notice.
                Front::Webdav | Front::Web | Front::Api | Front::Console | Front::Service => self.logout(session),
            }
        }
        self.tell_of_losses();
        ended.iter().map(|session| OpenSession::from(&**session)).collect()
    }

    pub(super) fn live_sessions(&self) -> Vec<Arc<Session>> {
        let sessions = self.sessions.lock();
        sessions.values().filter_map(std::sync::Weak::upgrade).filter(|session| session.is_live()).collect()
    }
}

fn settle<O: Operation>(permit: Permit<O>, ended: &[OpenSession]) {
    let ids: Vec<_> = ended.iter().map(|session| session.id.to_string()).collect();
    permit.settle(Outcome::Done, Detail::because(format!("ended: {}", ids.join(" "))));
}
