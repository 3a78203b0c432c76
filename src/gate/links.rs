//! Single-use links: who follows one has shown that the address is theirs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::login::{LoginError, Proof};
use super::passwords::{self, Weak};
use super::{Gate, OwnAccount, Refusal, Session};
use crate::names::{AdminTarget, AuthMethod, Front, Timestamp};
use crate::practice::{self, Account, Delivery, Link, LinkPurpose, NewLink, TokenDigest};

/// How long a link that sets another password is good: it was asked for a moment ago.
pub const RESET_LIFE: Duration = Duration::from_secs(2 * 3600);
/// Longer tokens are no link's.
const MAX_TOKEN_BYTES: usize = 128;
/// What a failed attempt is counted under, instead of a login: whoever has no link has no login to name.
const NOBODY: &str = "link";

const NOT_GOOD: &str = "no such link, or not any more";

/// What a link says to whoever opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followable {
    /// Whose login it is about.
    pub login: String,
    /// What it is for.
    pub purpose: LinkPurpose,
}

/// What following a link led to.
pub enum Followed {
    /// The password is set, and whoever followed is in.
    In(Arc<Session>),
    /// The password is set; the account has a second factor, which the link does not replace.
    SignIn,
}

/// Why a link was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Forged, used, called back or expired: the same, so that nothing is told about links that are not one's own.
    #[error("this link is not valid, or not any more; ask for a new one")]
    NotGood,
    /// The link is still good.
    #[error(transparent)]
    Weak(#[from] Weak),
    /// The link is still good, or never was.
    #[error(transparent)]
    Login(#[from] LoginError),
}

impl Gate {
    /// What a link is for, if it is good now. Looking does not use it up: mail scanners open links before people do.
    pub fn link(&self, token: &str) -> Option<Followable> {
        let (link, account) = self.find_link(token)?;
        Some(Followable { login: account.login.clone(), purpose: link.purpose })
    }

    /// Sets the password of the account that a link is about and uses the link up. A failure has been recorded and delayed
    /// when this returns.
    pub async fn follow_link(
        &self,
        front: Front,
        peer: IpAddr,
        token: &str,
        password: &str,
    ) -> Result<Followed, LinkError> {
        self.admit_guess(front, NOBODY, peer)?;
        let Some((_, account)) = self.find_link(token) else {
            return Err(self.not_good(front, peer, NOT_GOOD).await);
        };
        if let Some(why) = account.restriction.refusal(AuthMethod::Link, peer) {
            return Err(self.not_good(front, peer, why).await);
        }
        passwords::check(password, &account.login)?;
        let plain = Zeroizing::new(password.to_owned());
        let hash = tokio::task::spawn_blocking(move || passwords::hash(&plain)).await;
        let Ok(Ok(phc)) = hash else { return Err(LoginError::Unavailable.into()) };

        let proof = Proof::of(AuthMethod::Link);
        let session = Session::of_account(&account, front, peer, &proof);
        let (action, subject) = ("follow link".to_owned(), account.login.clone());
        let permit = match self.permit::<OwnAccount>(&session, AdminTarget { action, subject, matter: None }).await {
            Ok(permit) => permit,
            Err(Refusal::Unavailable) => return Err(LoginError::Unavailable.into()),
            // The account has changed since: somebody else was quicker.
            Err(_) => return Err(self.not_good(front, peer, NOT_GOOD).await),
        };
        let (practice, digest) = (self.practice.clone(), TokenDigest::of(token));
        let done = tokio::task::spawn_blocking(move || practice.follow_link(permit, &digest, phc)).await;
        let account = match done {
            Ok(Ok(account)) => account,
            // Somebody else was quicker.
            Ok(Err(practice::Error::NotFound(_))) => {
                return Err(self.not_good(front, peer, NOT_GOOD).await);
            }
            Ok(Err(_)) | Err(_) => return Err(LoginError::Unavailable.into()),
        };
        self.succeeded(&account.login, peer);
        if account.second_factor.is_some() {
            return Ok(Followed::SignIn);
        }
        Ok(Followed::In(self.open(&account, front, peer, proof).await?))
    }

    /// Sends whoever this login belongs to a link for another password, if it belongs to somebody. Whoever asks learns
    /// nothing: the answer is there before anything is looked up.
    ///
    /// # Errors
    /// [`LoginError::Throttled`] for an address that asks too often.
    pub fn ask_for_reset(self: &Arc<Self>, front: Front, peer: IpAddr, login: &str) -> Result<(), LoginError> {
        let login = super::login::normal(login);
        self.admit_reset(front, &login, peer)?;
        let gate = self.clone();
        tokio::spawn(async move {
            let account = gate.practice.firm().account_by_login(&login).cloned();
            let may_ask = |account: &Arc<Account>| {
                account.may_ask_for_reset() && account.restriction.refusal(AuthMethod::Link, peer).is_none()
            };
            if let Some(account) = account.filter(may_ask)
                && let Err(why) = gate.send_reset(front, peer, &account).await
            {
                tracing::info!(account = %account.id, %why, "no link for another password was sent");
            }
        });
        Ok(())
    }

    async fn send_reset(&self, front: Front, peer: IpAddr, account: &Account) -> Result<(), String> {
        let proof = Proof::of(AuthMethod::None);
        let session = Session::of_account(account, front, peer, &proof);
        let (action, subject) = ("ask for reset".to_owned(), account.login.clone());
        let permit = self.permit::<OwnAccount>(&session, AdminTarget { action, subject, matter: None }).await;
        let permit = permit.map_err(|_| "the audit record cannot be written".to_owned())?;
        let link = new_link(RESET_LIFE, Delivery::Mail);
        let practice = self.practice.clone();
        let sent = tokio::task::spawn_blocking(move || practice.ask_for_reset(permit, &link)).await;
        sent.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    fn find_link(&self, token: &str) -> Option<(Arc<Link>, Arc<Account>)> {
        let digest = (token.len() <= MAX_TOKEN_BYTES).then(|| TokenDigest::of(token))?;
        let firm = self.practice.firm();
        let link = firm.link(&digest, Timestamp::now())?;
        let account = firm.account(link.account).filter(|account| account.enabled)?;
        Some((link.clone(), account.clone()))
    }

    async fn not_good(&self, front: Front, peer: IpAddr, why: &str) -> LinkError {
        match self.refuse(front, peer, NOBODY, Some(why)).await {
            LoginError::Refused => LinkError::NotGood,
            other => other.into(),
        }
    }
}

/// A link that is good for so long.
pub fn new_link(life: Duration, delivery: Delivery) -> NewLink {
    let token = Zeroizing::new(passwords::random_token());
    NewLink { token, expires: Timestamp::now().after(life), delivery }
}
