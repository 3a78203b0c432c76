//! One login, from its start to its end.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::Gate;
use super::login::{LoginError, Proof, login_event};
use super::permit::Refusal;
use super::ssh_keys::SshKey;
use crate::audit::{Action, Actor, Detail, Event, Outcome, Unavailable};
use crate::names::{AccountId, AuthMethod, Front, Role, Scope, SessionId, Timestamp};
use crate::policy::Standing;
use crate::policy::guards::Asker;
use crate::practice::{Account, ApiToken, Firm, TokenDigest};

/// One login on one front end. It is live until the account is disabled or restricted to other ways in, its credentials change,
/// or it is ended.
pub struct Session {
    id: SessionId,
    /// The session with which the login began: the same for all that go on from it.
    origin: SessionId,
    account: AccountId,
    login: String,
    role: Role,
    front: Front,
    peer: Option<IpAddr>,
    auth: AuthMethod,
    second_factor: bool,
    /// The device password that opened it, on which it stands and falls.
    device: Option<TokenDigest>,
    /// The token that opened it, likewise.
    token: Option<TokenDigest>,
    /// The SSH key or certificate that opened it, likewise.
    key: Option<SshKey>,
    /// How far it reaches, as far as the account's role does: a token's scope, all for any other login.
    scope: Scope,
    /// When what opened it expires.
    until: Option<Timestamp>,
    since: Timestamp,
    /// The account's credentials as they were at login; nothing for the operator.
    credentials: Option<u64>,
    /// The standing as compiled at an epoch of the firm.
    seen: ArcSwapOption<(u64, Arc<Standing>)>,
    ended: watch::Sender<bool>,
}

impl Session {
    pub(super) fn of_account(account: &Account, front: Front, peer: IpAddr, proof: &Proof<'_>) -> Self {
        let id = SessionId::random();
        Self {
            id,
            origin: id,
            account: account.id,
            login: account.login.clone(),
            role: account.role,
            front,
            peer: Some(peer),
            auth: proof.auth,
            second_factor: proof.second_factor,
            device: proof.device.map(|device| device.digest),
            token: None,
            key: proof.key.cloned(),
            scope: Scope::Admin,
            until: proof.device.and_then(|device| device.expires).or(proof.key.and_then(SshKey::expires)),
            since: Timestamp::now(),
            credentials: Some(account.credentials),
            seen: ArcSwapOption::empty(),
            ended: watch::Sender::new(false),
        }
    }

    /// The same, opened by a token.
    pub(super) fn by_token(self, token: &ApiToken) -> Self {
        Self { token: Some(token.digest), scope: token.scope, until: Some(token.expires), ..self }
    }

    /// A session without an account: the operator at the control socket.
    pub(super) fn of_operator(login: &str) -> Self {
        let id = SessionId::random();
        Self {
            id,
            origin: id,
            account: AccountId::from_bytes([0; 16]),
            login: login.to_owned(),
            role: Role::Admin,
            front: Front::Console,
            peer: None,
            auth: AuthMethod::Socket,
            second_factor: false,
            device: None,
            token: None,
            key: None,
            scope: Scope::Admin,
            until: None,
            since: Timestamp::now(),
            credentials: None,
            seen: ArcSwapOption::empty(),
            ended: watch::Sender::new(false),
        }
    }

    /// Its id, as in the audit record.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The session with which its login began: its own id, unless it goes on from another.
    pub(super) fn origin(&self) -> SessionId {
        self.origin
    }

    /// The account; all zero for the operator.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The login as it stands in the account.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// The account's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The door.
    pub fn front(&self) -> Front {
        self.front
    }

    /// The address at the other end.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// How the person proved who they are.
    pub fn auth(&self) -> AuthMethod {
        self.auth
    }

    /// True if a second factor was proven, too.
    pub fn second_factor(&self) -> bool {
        self.second_factor
    }

    /// How far it reaches, as far as the account's role does.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// When it began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// What the guards may know of it.
    pub(super) fn asker(&self) -> Asker {
        Asker {
            address: self.peer,
            front: self.front,
            auth: self.auth,
            second_factor: self.second_factor,
            role: self.role,
        }
    }

    /// False once the account was disabled, its credentials changed or the operator ended the session.
    pub fn is_live(&self) -> bool {
        !*self.ended.borrow()
    }

    /// Returns when the session has been ended from outside; a front end then closes the connection.
    pub async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = ended.wait_for(|over| *over).await;
    }

    /// What it stands on now; nothing if its ground is gone.
    fn standing_in(&self, firm: &Firm) -> Option<Standing> {
        let Some(credentials) = self.credentials else {
            return Some(Standing { role: self.role, matters: Default::default(), read_only: false });
        };
        let account = firm.account(self.account)?;
        if !account.enabled || account.credentials != credentials {
            return None;
        }
        if self.key.as_ref().is_some_and(|key| !key.is_of(account)) {
            return None;
        }
        if self.peer.is_some_and(|peer| account.restriction.refusal(self.auth, peer).is_some()) {
            return None;
        }
        let device = self.device.map(|digest| account.device_password(&digest, Timestamp::now()));
        if self.token.is_some_and(|digest| firm.api_token(&digest, Timestamp::now()).is_none()) {
            return None;
        }
        let read_only = match device {
            None => self.scope < Scope::Manage,
            // Revoked, or expired meanwhile.
            Some(None) => return None,
            Some(Some(device)) => device.read_only,
        };
        Some(Standing { read_only, ..firm.standing(account) })
    }

    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }

    pub(super) fn actor(&self) -> Actor {
        Actor {
            session: self.id,
            account: self.credentials.map(|_| self.account),
            login: self.login.clone(),
            role: Some(self.role),
            front: self.front,
            peer: self.peer.map(|peer| peer.to_string()),
            auth: self.auth,
        }
    }
}

/// Why a login goes on as another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarriedOn {
    /// The same browser, from this address now: guards and the record must have the one at the other end.
    From(IpAddr),
    /// The session has just changed the credentials of its own account, which ends every other one.
    AfterOwnChange,
}

impl Gate {
    /// The same login as another session: nobody proves anything anew. Recorded as a login.
    ///
    /// # Errors
    /// [`LoginError::Refused`] if the session has lost its ground otherwise, or the account may not come from there.
    pub async fn carry_on(&self, session: &Session, why: CarriedOn) -> Result<Arc<Session>, LoginError> {
        let account = self.practice.firm().account(session.account).cloned().filter(|account| account.enabled);
        let (peer, changes, told) = match why {
            CarriedOn::From(peer) => (Some(peer), 0, "the session goes on from another address"),
            CarriedOn::AfterOwnChange => (session.peer, 1, "the session goes on after a change of the account"),
        };
        let expected = session.credentials.map(|credentials| credentials + changes);
        let account = account.filter(|account| {
            session.device.is_none() && session.token.is_none() && expected == Some(account.credentials)
        });
        let (Some(account), Some(peer)) = (account, peer) else { return Err(LoginError::Refused) };
        if changes == 0 && !session.is_live() {
            return Err(LoginError::Refused);
        }
        if account.restriction.refusal(session.auth, peer).is_some() {
            return Err(LoginError::Refused);
        }
        let proof = Proof { second_factor: session.second_factor, ..Proof::of(session.auth) };
        let next = Session { origin: session.origin, ..Session::of_account(&account, session.front, peer, &proof) };
        let event = login_event(next.actor(), Outcome::Done, Detail::because(told));
        self.log.record(event).await.map_err(|_| LoginError::Unavailable)?;
        Ok(self.admit(next))
    }

    /// The firm now and the session's standing in it. Compiled once per change of the firm; a session whose account is
    /// no longer as it was at login ends here.
    pub(super) fn standing(&self, session: &Session) -> Result<(Arc<Firm>, Arc<Standing>), Refusal> {
        if session.until.is_some_and(|end| end <= Timestamp::now()) {
            session.end();
        }
        if !session.is_live() {
            return Err(Refusal::Revoked);
        }
        let firm = self.practice.firm();
        if let Some(seen) = &*session.seen.load()
            && seen.0 == firm.epoch
        {
            return Ok((firm, seen.1.clone()));
        }
        let Some(standing) = session.standing_in(&firm) else {
            session.end();
            return Err(Refusal::Revoked);
        };
        let standing = Arc::new(standing);
        session.seen.store(Some(Arc::new((firm.epoch, standing.clone()))));
        Ok((firm, standing))
    }

    /// Keeps track of a session so that a change of its account can end it.
    pub(super) fn admit(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        let mut sessions = self.sessions.lock();
        if sessions.len() >= 1024 && sessions.len().is_power_of_two() {
            sessions.retain(|_, session| session.strong_count() > 0);
        }
        sessions.insert(session.id, Arc::downgrade(&session));
        drop(sessions);
        // What opened it may have been revoked since it was looked at, when this session was not among those to be ended.
        self.end_if_revoked(&session);
        session
    }

    /// Ends a session whose SSH key or certificate would not open it now.
    pub(super) fn end_if_revoked(&self, session: &Session) {
        let Some((key, peer)) = session.key.as_ref().zip(session.peer) else { return };
        if key.refusal(&self.ssh_trust(), None, &session.login, peer, Timestamp::now()).is_some() {
            session.end();
        }
    }

    /// Ends sessions as soon as a change of the firm takes their ground away; runs as long as the daemon.
    pub async fn watch_changes(self: Arc<Self>) {
        let mut changes = self.practice.watch();
        while changes.changed().await.is_ok() {
            let sessions: Vec<_> = self.sessions.lock().values().filter_map(std::sync::Weak::upgrade).collect();
            for session in sessions {
                // The answer does not matter here: looking is what ends a session that has lost its account.
                let _ = self.standing(&session);
            }
            self.tell_of_losses();
        }
    }

    /// The number of sessions that are open.
    pub fn open_sessions(&self) -> usize {
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, session| session.upgrade().is_some_and(|session| session.is_live()));
        sessions.len()
    }

    /// The operator at the control socket; `peer` names the local user as the operating system does.
    pub fn operator(&self, peer: &str) -> Arc<Session> {
        Arc::new(Session::of_operator(peer))
    }

    /// Records the end of a session. A record that cannot be written does not keep the session alive.
    pub fn logout(&self, session: &Session) {
        session.end();
        self.sessions.lock().remove(&session.id);
        let event = Event {
            actor: session.actor(),
            action: Action::Logout,
            outcome: Outcome::Done,
            matter: None,
            object: None,
            path: None,
            detail: Detail::default(),
        };
        let (log, id) = (self.log.clone(), session.id);
        let lost = move || tracing::warn!(session = %id, "the end of a session could not be recorded");
        match (log.enqueue(event.clone()), tokio::runtime::Handle::try_current()) {
            (Ok(()), _) => {}
            (Err(Unavailable::Busy), Ok(runtime)) => drop(runtime.spawn(async move {
                if log.record(event).await.is_err() {
                    lost();
                }
            })),
            (Err(_), _) => lost(),
        }
    }
}
