//! Who is signed in: cookies lead to sessions of the gate. In memory alone: a restart signs everybody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::cookies::{HALF, SESSION, Token, TokenKey};
use super::frame::Notice;
use super::urls::Target;
use crate::gate::{CarriedOn, FirstFactor, Gate, LoginError, Session, random_secret};
use crate::names::{AccountId, Role};

/// A session ends after this time without a request ...
const IDLE: Duration = Duration::from_secs(30 * 60);
/// ... and in any case after this time.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Sessions at a time, of all and of one account; beyond, the one that was used longest ago ends.
const MOST: usize = 16_384;
const MOST_OF_ACCOUNT: usize = 32;
/// Addresses from which one browser comes at a time; a computer with IPv4 and IPv6 has two.
const MOST_ADDRESSES: usize = 4;
/// How long a right password waits for its code, and how many do at a time.
const HALF_LIFE: Duration = Duration::from_secs(5 * 60);
const MOST_HALVES: usize = 1024;
/// Wrong codes that one right password is good for.
const MAX_TRIES: u32 = 5;

/// Everybody who is signed in.
pub(super) struct Sessions {
    gate: Arc<Gate>,
    guests: Mutex<HashMap<TokenKey, Arc<Guest>>>,
    halves: Mutex<HashMap<TokenKey, Arc<Half>>>,
}

/// One browser that is signed in.
pub(super) struct Guest {
    /// Stands in every form of the session (and in no other's).
    csrf: String,
    since: Instant,
    state: Mutex<State>,
}

struct State {
    used: Instant,
    /// One for each address from which the browser comes: guards and the record are to have the right one.
    sessions: Vec<Arc<Session>>,
    notice: Option<Notice>,
    /// The secret of a second factor that is shown and not switched on yet.
    offered: Option<Zeroizing<String>>,
}

/// A sign-in that waits for its code.
pub(super) struct Half {
    pub(super) first: FirstFactor,
    pub(super) then: Target,
    since: Instant,
    tries: Mutex<u32>,
}

impl Sessions {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, guests: Mutex::default(), halves: Mutex::default() }
    }

    /// The guest whose cookie this is.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<Arc<Guest>> {
        let key = TokenKey::in_cookie(headers, SESSION)?;
        let mut guests = self.guests.lock();
        let guest = guests.get(&key)?.clone();
        if guest.is_over() {
            guests.remove(&key);
            drop(guests);
            self.log_out(&guest);
            return None;
        }
        guest.touch();
        Some(guest)
    }

    /// Signs somebody in. The token is a new one, whatever the browser had before.
    pub(super) fn open(&self, session: Arc<Session>) -> Token {
        let (token, csrf, now) = (Token::random(), Token::random().into_text(), Instant::now());
        let account = session.account();
        let state = State { used: now, sessions: vec![session], notice: None, offered: None };
        let guest = Arc::new(Guest { csrf, since: now, state: Mutex::new(state) });
        let mut guests = self.guests.lock();
        let mut gone: Vec<_> = guests.extract_if(|_, guest| guest.is_over()).collect();
        let of_account = guests.values().filter(|guest| guest.is_of(account)).count();
        let oldest = |guests: &HashMap<TokenKey, Arc<Guest>>, only_own: bool| {
            let candidates = guests.iter().filter(|(_, guest)| !only_own || guest.is_of(account));
            candidates.min_by_key(|(_, guest)| guest.state.lock().used).map(|(key, _)| *key)
        };
        if of_account >= MOST_OF_ACCOUNT || guests.len() >= MOST {
            let key = oldest(&guests, of_account >= MOST_OF_ACCOUNT);
            gone.extend(key.and_then(|key| guests.remove_entry(&key)));
        }
        guests.insert(token.key(), guest);
        drop(guests);
        gone.iter().for_each(|(_, guest)| self.log_out(guest));
        token
    }

    /// Ends the session of a cookie, if there is one.
    pub(super) fn close(&self, headers: &HeaderMap) {
        let key = TokenKey::in_cookie(headers, SESSION);
        if let Some(guest) = key.and_then(|key| self.guests.lock().remove(&key)) {
            self.log_out(&guest);
        }
    }

    fn log_out(&self, guest: &Guest) {
        for session in guest.state.lock().sessions.iter().filter(|session| session.is_live()) {
            self.gate.logout(session);
        }
    }

    /// Keeps a first factor until its code comes.
    pub(super) fn wait_for_code(&self, first: FirstFactor, then: Target) -> Token {
        let token = Token::random();
        let mut halves = self.halves.lock();
        halves.retain(|_, half| half.since.elapsed() < HALF_LIFE);
        if halves.len() >= MOST_HALVES
            && let Some(oldest) = halves.iter().min_by_key(|(_, half)| half.since).map(|(key, _)| *key)
        {
            halves.remove(&oldest);
        }
        let half = Half { first, then, since: Instant::now(), tries: Mutex::new(0) };
        halves.insert(token.key(), Arc::new(half));
        token
    }

    /// The sign-in that waits for the code of this browser.
    pub(super) fn half(&self, headers: &HeaderMap) -> Option<Arc<Half>> {
        let key = TokenKey::in_cookie(headers, HALF)?;
        let half = self.halves.lock().get(&key)?.clone();
        (half.since.elapsed() < HALF_LIFE && *half.tries.lock() < MAX_TRIES).then_some(half)
    }

    /// The code was right, or the person gave up.
    pub(super) fn end_half(&self, headers: &HeaderMap) {
        if let Some(key) = TokenKey::in_cookie(headers, HALF) {
            self.halves.lock().remove(&key);
        }
    }
}

impl Half {
    /// Counts an attempt before it is judged; false if there were too many.
    pub(super) fn attempt(&self) -> bool {
        let mut tries = self.tries.lock();
        *tries += 1;
        *tries <= MAX_TRIES
    }
}

impl Guest {
    /// The session for requests from this address; a new one goes on where the browser has changed its address.
    pub(super) async fn session_at(&self, peer: IpAddr, gate: &Gate) -> Result<Arc<Session>, LoginError> {
        let (same, other) = {
            let state = self.state.lock();
            let live = || state.sessions.iter().filter(|session| session.is_live());
            (live().find(|session| session.peer() == Some(peer)).cloned(), live().next_back().cloned())
        };
        if let Some(session) = same {
            return Ok(session);
        }
        let before = other.ok_or(LoginError::Refused)?;
        let next = gate.carry_on(&before, CarriedOn::From(peer)).await?;
        let mut state = self.state.lock();
        state.sessions.push(next.clone());
        state.sessions.retain(|session| session.is_live());
        if state.sessions.len() > MOST_ADDRESSES {
            gate.logout(&state.sessions.remove(0));
        }
        Ok(next)
    }

    /// The browser stays signed in after a change of its own account; all others are signed out by it.
    pub(super) async fn go_on(&self, session: &Session, gate: &Gate) -> Result<Arc<Session>, LoginError> {
        let next = gate.carry_on(session, CarriedOn::AfterOwnChange).await?;
        self.state.lock().sessions = vec![next.clone()];
        Ok(next)
    }

    /// What every form of this session must show.
    pub(super) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Compares in constant time.
    pub(super) fn is_own_form(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }

    /// Who it is; nothing once the session has ended.
    pub(super) fn login(&self) -> Option<String> {
        let state = self.state.lock();
        state.sessions.iter().find(|session| session.is_live()).map(|session| session.login().to_owned())
    }

    /// Whether it is somebody who manages the firm's matters.
    pub(super) fn is_staff(&self) -> bool {
        self.state.lock().sessions.iter().any(|session| matches!(session.role(), Role::Staff | Role::Admin))
    }

    /// Whether it is somebody who administers the firm.
    pub(super) fn is_administrator(&self) -> bool {
        self.state.lock().sessions.iter().any(|session| session.role() == Role::Admin)
    }

    /// Whether it is somebody who reads the whole record.
    pub(super) fn reads_record(&self) -> bool {
        self.state.lock().sessions.iter().any(|session| matches!(session.role(), Role::Admin | Role::Auditor))
    }

    /// A request has been answered: a long one must not count as idle time.
    pub(super) fn touch(&self) {
        self.state.lock().used = Instant::now();
    }

    /// Tells something on the next page.
    pub(super) fn tell(&self, notice: Notice) {
        self.state.lock().notice = Some(notice);
    }

    pub(super) fn take_notice(&self) -> Option<Notice> {
        self.state.lock().notice.take()
    }

    /// The secret that is shown until a code proves that the authenticator has it.
    pub(super) fn offered(&self) -> Zeroizing<String> {
        let secret = || Zeroizing::new(random_secret());
        self.state.lock().offered.get_or_insert_with(secret).clone()
    }

    pub(super) fn offer_is_over(&self) {
        self.state.lock().offered = None;
    }

    fn is_of(&self, account: AccountId) -> bool {
        self.state.lock().sessions.iter().any(|session| session.account() == account)
    }

    /// Ended, too old, or idle: a transfer that goes on is no idleness.
    fn is_over(&self) -> bool {
        let state = self.state.lock();
        let live = state.sessions.iter().any(|session| session.is_live());
        let at_rest = state.sessions.iter().all(|session| Arc::strong_count(session) == 1);
        !live || self.since.elapsed() > LIFE || (at_rest && state.used.elapsed() > IDLE)
    }
}
