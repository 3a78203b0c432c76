//! Proving who somebody is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use futures_util::FutureExt as _;
use parking_lot::Mutex;

use super::factor::{FirstFactor, Login};
use super::hashing::{Full, Hashing};
use super::ssh_keys::SshKey;
use super::throttle::Throttle;
use super::{Gate, Session, Settings, passwords};
use crate::audit::{Action, Actor, Detail, Event, Outcome};
use crate::names::{AccountId, AuthMethod, Front, Role, SessionId, Timestamp};
use crate::practice::{Account, DevicePassword, TokenDigest};

/// Who finds an address's places in the queue for passwords taken may come again after this time.
const QUEUED_AGAIN: Duration = Duration::from_secs(1);
/// A Basic login is asked for its password again after this time without a request ...
const BASIC_IDLE: Duration = Duration::from_secs(15 * 60);
/// ... and in any case after this time.
const BASIC_LIFE: Duration = Duration::from_secs(8 * 3600);
/// Basic logins that are remembered.
const BASIC_CAPACITY: usize = 16_384;
/// Longer logins belong to nobody.
const MAX_LOGIN_BYTES: usize = 254;
/// Longer passwords are no device's.
const MAX_DEVICE_PASSWORD_BYTES: usize = 128;

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

/// Where somebody knocks: by which protocol, and whether the listener is for devices alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrance {
    front: Front,
    devices_only: bool,
}

impl Entrance {
    /// The listener for old scanners.
    pub const SCANNERS: Self = Self { front: Front::Sftp, devices_only: true };

    /// The pages are for people: a device there would be somebody who has taken its password.
    fn takes(self, account: &Account) -> bool {
        account.enabled
            && match account.role {
                Role::Device => self.front != Front::Web,
                _ => !self.devices_only,
            }
    }

    /// What the record says of it.
    fn told(self) -> Option<&'static str> {
        self.devices_only.then_some("at the listener for old scanners, for devices alone")
    }
}

impl From<Front> for Entrance {
    fn from(front: Front) -> Self {
        Self { front, devices_only: false }
    }
}

/// How somebody proved who they are, in full.
pub(super) struct Proof<'a> {
    pub(super) auth: AuthMethod,
    pub(super) second_factor: bool,
    /// The device's password that it was.
    pub(super) device: Option<&'a DevicePassword>,
    /// The SSH key or certificate that it was.
    pub(super) key: Option<&'a SshKey>,
    /// The step of the authenticator's code, if there was one.
    pub(super) code_step: Option<u64>,
    /// What else the record says of how somebody came.
    pub(super) told: Option<&'static str>,
}

impl Proof<'_> {
    /// By this, and nothing beside it.
    pub(super) const fn of(auth: AuthMethod) -> Self {
        Self { auth, second_factor: false, device: None, key: None, code_step: None, told: None }
    }
}

/// What logging in needs to remember.
pub(super) struct Logins {
    throttle: Throttle,
    /// Requests for another password: whoever floods a mailbox is slowed like one who guesses.
    resets: Throttle,
    hashing: Hashing,
    /// Verified against when there is no account or no password, so that both take the same time.
    nobody: String,
    basic: Mutex<HashMap<[u8; 32], Remembered>>,
    /// First requests of Basic logins under way, by the same key.
    flights: Mutex<HashMap<[u8; 32], Weak<tokio::sync::Mutex<()>>>>,
    /// The last step of an authenticator that opened an account: a code works once. What was used before this process
    /// started is read from the record when the first code comes.
    pub(super) codes_used: tokio::sync::OnceCell<Mutex<HashMap<AccountId, u64>>>,
    /// Turns credentials into cache keys that are worth nothing outside this process.
    basic_key: hmac::Key,
}

struct Remembered {
    session: Arc<Session>,
    since: Instant,
    used: Instant,
}

impl Logins {
    pub(super) fn new(settings: &Settings) -> Result<Self, passwords::Error> {
        for limit in ["guesses", "passwords_waiting", "passwords_waiting_per_address"] {
            for front in Front::DOORS {
                hits(limit, front).absolute(0);
            }
        }
        let mut key = [0u8; 32];
        getrandom::fill(&mut key).map_err(|_| passwords::Error::Hash)?;
        Ok(Self {
            throttle: Throttle::default(),
            resets: Throttle::default(),
            hashing: Hashing::start(settings.passwords_waiting, settings.passwords_waiting_per_address)?,
            nobody: passwords::hash(&passwords::random())?,
            basic: Mutex::default(),
            flights: Mutex::default(),
            codes_used: tokio::sync::OnceCell::new(),
            basic_key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        })
    }

    pub(super) fn cache_key(&self, peer: IpAddr, login: &str, password: &str) -> [u8; 32] {
        let mut tag = hmac::Context::with_key(&self.basic_key);
        match peer {
            IpAddr::V4(peer) => tag.update(&peer.to_ipv6_mapped().octets()),
            IpAddr::V6(peer) => tag.update(&peer.octets()),
        }
        tag.update(login.as_bytes());
        tag.update(b"\0");
        tag.update(password.as_bytes());
        let mut key = [0u8; 32];
        key.copy_from_slice(tag.sign().as_ref());
        key
    }

    pub(super) fn remembered(&self, key: &[u8; 32]) -> Option<Arc<Session>> {
        let mut basic = self.basic.lock();
        let entry = basic.get_mut(key)?;
        if !entry.session.is_live() || entry.used.elapsed() > BASIC_IDLE || entry.since.elapsed() > BASIC_LIFE {
            basic.remove(key);
            return None;
        }
        entry.used = Instant::now();
        Some(entry.session.clone())
    }

    /// What requests with the same credentials wait for, and no others: a guess that is held back must not hold up
    /// somebody's first login.
    pub(super) fn flight(&self, key: [u8; 32]) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        if flights.len() >= 1024 && flights.len().is_power_of_two() {
            flights.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = Arc::default();
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    pub(super) fn remember(&self, key: [u8; 32], session: &Arc<Session>) {
        let mut basic = self.basic.lock();
        if basic.len() >= BASIC_CAPACITY {
            basic.retain(|_, entry| entry.session.is_live() && entry.used.elapsed() < BASIC_IDLE);
            if basic.len() >= BASIC_CAPACITY {
                basic.clear();
            }
        }
        let now = Instant::now();
        basic.insert(key, Remembered { session: session.clone(), since: now, used: now });
    }
}

impl Gate {
    /// Checks a password, the account's or, where devices come in, one of its devices'. A failure has been recorded and delayed when this returns.
    pub async fn login_password(
        &self,
        entrance: Entrance,
        peer: IpAddr,
        login: &str,
        password: &str,
    ) -> Result<Login, LoginError> {
        let (login, front) = (normal(login), entrance.front);
        self.admit_guess(front, &login, peer)?;
        let account = self.practice.firm().account_by_login(&login).cloned();
        let account = account.filter(|account| entrance.takes(account));
        // Long and random: there is nothing to slow down, and nothing to learn from how soon it opens.
        let device = account.as_ref().filter(|_| front != Front::Web).and_then(|account| {
            let digest = (password.len() <= MAX_DEVICE_PASSWORD_BYTES).then(|| TokenDigest::of(password))?;
            account.device_password(&digest, Timestamp::now()).map(|device| (account, device))
        });
        let by = if device.is_some() { AuthMethod::DevicePassword } else { AuthMethod::Password };
        let restricted = account.as_ref().and_then(|account| account.restriction.refusal(by, peer));
        if let Some((account, device)) = device.filter(|_| restricted.is_none()) {
            self.succeeded(&login, peer);
            let told = entrance.told();
            let proof = Proof { device: Some(device), told, ..Proof::of(AuthMethod::DevicePassword) };
            return self.open(account, front, peer, proof).await.map(Login::Done);
        }
        let verified = self.verify(front, peer, account.as_deref(), password).await?;
        // Only now, so that a right password takes as long and is answered as a wrong one.
        match account.filter(|_| verified && restricted.is_none()) {
            Some(account) => self.first_factor(account, entrance, peer, None).await,
            None => Err(self.refuse(front, peer, &login, restricted.or(entrance.told())).await),
        }
    }

    /// A right password, or this key: enough, unless the account has a second factor.
    async fn first_factor(
        &self,
        account: Arc<Account>,
        entrance: Entrance,
        peer: IpAddr,
        key: Option<SshKey>,
    ) -> Result<Login, LoginError> {
        let front = entrance.front;
        match (&account.second_factor, front) {
            (None, _) => {
                self.succeeded(&account.login, peer);
                let auth = if key.is_some() { AuthMethod::PublicKey } else { AuthMethod::Password };
                let proof = Proof { key: key.as_ref(), told: entrance.told(), ..Proof::of(auth) };
                self.open(&account, front, peer, proof).await.map(Login::Done)
            }
            (Some(_), Front::Sftp | Front::Web) => Ok(Login::NeedsCode(FirstFactor::new(account, front, peer, key))),
            // Basic authentication has no place for a code, so what it sends must not be what a code protects.
            (Some(_), _) => {
                let why = "the account has a second factor: only a device password opens it here";
                Err(self.refuse(front, peer, &account.login, Some(why)).await)
            }
        }
    }

    /// Is this the password of the session's own account? Asked again before a change with which whoever sits down at an open
    /// page could lock its owner out. A failure has been recorded and delayed when this returns.
    ///
    /// # Errors
    /// [`LoginError::Refused`] also for an account without a password.
    pub async fn confirm_password(&self, session: &Session, password: &str) -> Result<(), LoginError> {
        let (front, login) = (session.front(), session.login());
        let peer = session.peer().ok_or(LoginError::Refused)?;
        self.admit_guess(front, login, peer)?;
        let account = self.practice.firm().account(session.account()).cloned();
        if self.verify(front, peer, account.as_deref(), password).await? {
            self.succeeded(login, peer);
            return Ok(());
        }
        Err(self.refuse(front, peer, login, Some("wrong password before a change of the account")).await)
    }

    /// Basic authentication: as [`Gate::login_password`], but an equal request finds its session again, without a hash,
    /// until the account changes or the session has been idle for a quarter of an hour.
    pub async fn login_basic(&self, peer: IpAddr, login: &str, password: &str) -> Result<Arc<Session>, LoginError> {
        let key = self.logins.cache_key(peer, &normal(login), password);
        match self.logins.remembered(&key) {
            Some(session) => Ok(session),
            // Boxed: every request has a place for it, and one of thousands needs it.
            None => self.login_basic_anew(key, peer, login, password).boxed().await,
        }
    }

    async fn login_basic_anew(
        &self,
        key: [u8; 32],
        peer: IpAddr,
        login: &str,
        password: &str,
    ) -> Result<Arc<Session>, LoginError> {
        // Single flight: of many first requests of one client, one hashes and the others then find its session.
        let flight = self.logins.flight(key);
        let _flight = flight.lock().await;
        if let Some(session) = self.logins.remembered(&key) {
            return Ok(session);
        }
        match self.login_password(Front::Webdav.into(), peer, login, password).await? {
            Login::Done(session) => {
                self.logins.remember(key, &session);
                Ok(session)
            }
            Login::NeedsCode(_) => Err(LoginError::Refused),
        }
    }

    /// Does this account accept this public key (in SSH wire encoding)? Never blocks; false for unknown logins. Where a
    /// restriction or a revocation would refuse it, the proof is refused, which is recorded: anybody can offer a public key.
    pub fn accepts_key(&self, entrance: Entrance, login: &str, key: &[u8]) -> bool {
        let firm = self.practice.firm();
        firm.account_by_login(&normal(login)).is_some_and(|account| entrance.takes(account) && account.has_key(key))
    }

    /// Logs in with a key or certificate. A failure has been recorded and delayed when this returns.
    pub async fn login_key(
        &self,
        entrance: Entrance,
        peer: IpAddr,
        login: &str,
        key: SshKey,
    ) -> Result<Login, LoginError> {
        let (login, front) = (normal(login), entrance.front);
        self.admit_guess(front, &login, peer)?;
        let account = self.practice.firm().account_by_login(&login).cloned();
        let account = account.filter(|account| entrance.takes(account) && key.is_of(account));
        let restricted = account.as_ref().and_then(|one| one.restriction.refusal(AuthMethod::PublicKey, peer));
        let refused = key.refusal(&self.ssh_trust(), account.as_deref(), &login, peer, Timestamp::now()).or(restricted);
        match account.filter(|_| refused.is_none()) {
            Some(account) => self.first_factor(account, entrance, peer, Some(key)).await,
            None => {
                let why = refused.or(entrance.told()).map(str::to_owned);
                let why: Vec<_> = why.into_iter().chain(key.told()).collect();
                let why = (!why.is_empty()).then(|| why.join(", "));
                Err(self.refuse(front, peer, &login, why.as_deref()).await)
            }
        }
    }

    pub(super) fn succeeded(&self, login: &str, peer: IpAddr) {
        self.logins.throttle.succeeded(login, peer);
    }

    pub(super) fn admit_guess(&self, front: Front, login: &str, peer: IpAddr) -> Result<(), LoginError> {
        self.logins.throttle.admit(login, peer).map_err(|wait| {
            hits("guesses", front).increment(1);
            LoginError::Throttled(wait)
        })
    }

    /// Counts every request, since there is no telling a good one from a bad one.
    pub(super) fn admit_reset(&self, front: Front, login: &str, peer: IpAddr) -> Result<(), LoginError> {
        self.logins.resets.admit(login, peer).map_err(|wait| {
            hits("resets", front).increment(1);
            LoginError::Throttled(wait)
        })?;
        self.logins.resets.failed(login, peer);
        Ok(())
    }

    async fn verify(
        &self,
        front: Front,
        peer: IpAddr,
        account: Option<&Account>,
        password: &str,
    ) -> Result<bool, LoginError> {
        let stored = account.and_then(|account| account.password.as_deref());
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.logins.nobody).to_owned();
        match self.logins.hashing.verify(peer, stored, password).await {
            Ok(equal) => Ok(equal.ok_or(LoginError::Unavailable)? && known),
            Err(Full::Address) => {
                hits("passwords_waiting_per_address", front).increment(1);
                Err(LoginError::Throttled(QUEUED_AGAIN))
            }
            Err(Full::All) => {
                hits("passwords_waiting", front).increment(1);
                Err(LoginError::Unavailable)
            }
        }
    }

    pub(super) async fn open(
        &self,
        account: &Account,
        front: Front,
        peer: IpAddr,
        proof: Proof<'_>,
    ) -> Result<Arc<Session>, LoginError> {
        let session = Session::of_account(account, front, peer, &proof);
        let how = proof.device.map(|device| format!("device password {}", device.name));
        let how = how.or_else(|| proof.second_factor.then(|| "with second factor".to_owned()));
        let how = proof.key.and_then(SshKey::told).into_iter().chain(how);
        let how: Vec<_> = how.chain(proof.told.map(str::to_owned)).collect();
        let how = (!how.is_empty()).then(|| how.join(", "));
        self.enter(session, Detail { reason: how, code_step: proof.code_step, ..Detail::default() }).await
    }

    /// Records a login and lets the session in.
    pub(super) async fn enter(&self, session: Session, how: Detail) -> Result<Arc<Session>, LoginError> {
        self.log.record(login_event(session.actor(), Outcome::Done, how)).await.map_err(|_| LoginError::Unavailable)?;
        metrics::counter!("deedbox_logins_total", "outcome" => "done").increment(1);
        Ok(self.admit(session))
    }

    pub(super) async fn refuse(&self, front: Front, peer: IpAddr, login: &str, why: Option<&str>) -> LoginError {
        metrics::counter!("deedbox_logins_total", "outcome" => "refused").increment(1);
        let delay = self.logins.throttle.failed(login, peer);
        let actor = Actor {
            session: SessionId::random(),
            account: None,
            login: login.to_owned(),
            role: None,
            front,
            peer: Some(peer.to_string()),
            auth: AuthMethod::None,
        };
        let why = why.map(Detail::because).unwrap_or_default();
        let recorded = self.log.record(login_event(actor, Outcome::Refused, why)).await;
        tokio::time::sleep(delay).await;
        match recorded {
            Ok(_) => LoginError::Refused,
            Err(_) => LoginError::Unavailable,
        }
    }
}

/// The count of logins that ended at a limit, beside those of the front ends.
fn hits(limit: &'static str, front: Front) -> metrics::Counter {
    metrics::counter!("deedbox_limit_hits_total", "limit" => limit, "front" => front.as_str())
}

pub(super) fn login_event(actor: Actor, outcome: Outcome, detail: Detail) -> Event {
    Event { actor, action: Action::Login, outcome, matter: None, object: None, path: None, detail }
}

/// Logins are compared without regard to case; one that is too long to be anybody's is cut, and stays nobody's.
pub(super) fn normal(login: &str) -> String {
    let mut end = login.len().min(MAX_LOGIN_BYTES + 1);
    while !login.is_char_boundary(end) {
        end -= 1;
    }
    login[..end].to_lowercase()
}
