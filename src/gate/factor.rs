//! The second factor: what a right password or key of an account that has one still lacks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Secret, Totp};

use super::login::{LoginError, Proof, login_event};
use super::ssh_keys::{SshKey, SshTrust};
use super::{Gate, OwnAccount, Session};
use crate::audit::{Detail, Outcome};
use crate::names::{AccountId, AdminTarget, AuthMethod, Front, Timestamp};
use crate::practice::{Account, TokenDigest};

/// Longer codes are nobody's.
const MAX_CODE_BYTES: usize = 64;
/// In milliseconds: longer than any code is good, from the start of the step before its own to the end of the one after.
const CODES_GOOD_FOR: i64 = 120_000;

/// What a password or key leads to.
#[must_use]
pub enum Login {
    /// Whoever it is, is in.
    Done(Arc<Session>),
    /// The account has a second factor; a code must follow.
    NeedsCode(FirstFactor),
}

/// Proof that a password or key of an account was right: the half of a login.
pub struct FirstFactor {
    account: Arc<Account>,
    front: Front,
    peer: IpAddr,
    /// The SSH key or certificate that it was; otherwise it was the password.
    key: Option<SshKey>,
}

impl FirstFactor {
    pub(super) fn new(account: Arc<Account>, front: Front, peer: IpAddr, key: Option<SshKey>) -> Self {
        Self { account, front, peer, key }
    }

    /// True if it was proven for this login.
    pub fn is_of(&self, login: &str) -> bool {
        super::login::normal(login) == self.account.login
    }

    /// The account as it is now still takes what was proven.
    fn still_holds(&self, now: &Account, trust: &SshTrust) -> bool {
        let time = Timestamp::now();
        let opens =
            |key: &SshKey| key.is_of(now) && key.refusal(trust, Some(now), &now.login, self.peer, time).is_none();
        now.credentials == self.account.credentials && self.key.as_ref().is_none_or(opens)
    }
}

/// What a right code was.
enum RightCode {
    /// The authenticator's, of this step.
    Step(u64),
    /// A recovery code, which is used up.
    Recovery,
}

impl RightCode {
    fn step(&self) -> Option<u64> {
        match self {
            Self::Step(step) => Some(*step),
            Self::Recovery => None,
        }
    }
}

/// A secret for a new second factor, in base32: 160 bits, as RFC 4226 section 4 recommends.
///
/// # Panics
/// If the operating system gives no random bytes.
pub fn random_secret() -> String {
    let mut secret = zeroize::Zeroizing::new([0u8; 20]);
    getrandom::fill(secret.as_mut()).expect("the operating system gives random bytes");
    Secret::from(secret.to_vec()).to_base32()
}

/// Is this a code of now of a secret that is not an account's yet? Shown before a second factor is switched on, it says that
/// the authenticator has the secret.
pub fn is_code_of(secret: &str, code: &str) -> bool {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).take(MAX_CODE_BYTES).collect();
    let seconds = u64::try_from(Timestamp::now().as_seconds()).unwrap_or(0);
    totp(secret).is_some_and(|totp| totp.check(&digits, seconds).is_some())
}

/// The address that authenticators read from a QR code (Key Uri Format).
pub fn authenticator_url(firm: &str, login: &str, secret: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (issuer, login) = (encoded(firm), encoded(login));
    format!("otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}", secret.trim_end_matches('='))
}

impl Gate {
    /// Completes a login with a code of the authenticator, or with a recovery code, which is then used up. A failure has
    /// been recorded and delayed when this returns.
    pub async fn login_code(&self, first: &FirstFactor, code: &str) -> Result<Arc<Session>, LoginError> {
        let FirstFactor { front, peer, .. } = *first;
        let login = first.account.login.as_str();
        self.admit_guess(front, login, peer)?;
        let now = self.practice.firm().account(first.account.id).cloned();
        let account = now.filter(|now| now.enabled && first.still_holds(now, &self.ssh_trust()));
        let auth = if first.key.is_some() { AuthMethod::PublicKey } else { AuthMethod::Password };
        let restricted = account.as_ref().and_then(|account| account.restriction.refusal(auth, peer));
        let Some(account) = account.filter(|_| restricted.is_none() && code.len() <= MAX_CODE_BYTES) else {
            return Err(self.refuse(front, peer, login, restricted).await);
        };
        let mut proof = Proof { second_factor: true, key: first.key.as_ref(), ..Proof::of(auth) };
        let Some(right) = self.right_code(&account, front, peer, &proof, code).await? else {
            return Err(self.refuse(front, peer, login, Some("wrong code of the second factor")).await);
        };
        self.succeeded(login, peer);
        proof.code_step = right.step();
        self.open(&account, front, peer, proof).await
    }

    /// Is this a code of the second factor of the session's own account, or a recovery code, which is then used up? Asked
    /// before the factor is taken away. A failure has been recorded and delayed when this returns.
    pub async fn confirm_code(&self, session: &Session, code: &str) -> Result<(), LoginError> {
        let (front, login) = (session.front(), session.login());
        let peer = session.peer().ok_or(LoginError::Refused)?;
        self.admit_guess(front, login, peer)?;
        let account = self.practice.firm().account(session.account()).cloned();
        let proof = Proof { second_factor: session.second_factor(), ..Proof::of(session.auth()) };
        if let Some(account) = account.filter(|_| session.is_live() && code.len() <= MAX_CODE_BYTES)
            && let Some(right) = self.right_code(&account, front, peer, &proof, code).await?
        {
            self.succeeded(login, peer);
            let told = Detail { code_step: right.step(), ..Detail::because("code before a change of the account") };
            let event = login_event(session.actor(), Outcome::Done, told);
            return self.log.record(event).await.map(drop).map_err(|_| LoginError::Unavailable);
        }
        Err(self.refuse(front, peer, login, Some("wrong code before a change of the account")).await)
    }

    async fn right_code(
        &self,
        account: &Account,
        front: Front,
        peer: IpAddr,
        proof: &Proof<'_>,
        code: &str,
    ) -> Result<Option<RightCode>, LoginError> {
        if let Some(step) = self.fresh_code(account, code).await? {
            return Ok(Some(RightCode::Step(step)));
        }
        let spent = self.spend_recovery_code(account, front, peer, proof, code).await?;
        Ok(spent.then_some(RightCode::Recovery))
    }

    /// The step of a code of now, or of one step before or after, that was not used before (RFC 6238 section 5.2). Which was
    /// used last is remembered; what was used before this process started stands in the record of the logins, since nobody
    /// is let in before that is durable.
    async fn fresh_code(&self, account: &Account, code: &str) -> Result<Option<u64>, LoginError> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let matched = account.second_factor.as_ref().and_then(|factor| {
            let seconds = u64::try_from(Timestamp::now().as_seconds()).ok()?;
            totp(&factor.secret)?.check(&digits, seconds)
        });
        let Some(step) = matched else { return Ok(None) };
        let used = self.logins.codes_used.get_or_try_init(|| self.codes_used_before()).await?;
        let mut used = used.lock();
        let last = used.entry(account.id).or_insert(0);
        let fresh = step > *last;
        *last = step.max(*last);
        Ok(fresh.then_some(step))
    }

    async fn codes_used_before(&self) -> Result<Mutex<HashMap<AccountId, u64>>, LoginError> {
        let (log, since) = (self.log.clone(), Timestamp::from_millis(Timestamp::now().as_millis() - CODES_GOOD_FOR));
        let read = tokio::task::spawn_blocking(move || log.codes_used(since)).await;
        match read.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string())) {
            Ok(used) => Ok(Mutex::new(used)),
            Err(cause) => {
                tracing::error!(cause, "the codes that were used lately could not be read from the record");
                Err(LoginError::Unavailable)
            }
        }
    }

    async fn spend_recovery_code(
        &self,
        account: &Account,
        front: Front,
        peer: IpAddr,
        proof: &Proof<'_>,
        code: &str,
    ) -> Result<bool, LoginError> {
        let digest = TokenDigest::of(code);
        let is_own = |code: &TokenDigest| code.is(&digest);
        if !account.second_factor.as_ref().is_some_and(|factor| factor.recovery.iter().any(is_own)) {
            return Ok(false);
        }
        // Recorded as what the person does to the own account, before it is done.
        let session = Session::of_account(account, front, peer, proof);
        let (action, subject) = ("recovery code".to_owned(), account.login.clone());
        let permit = self.permit::<OwnAccount>(&session, AdminTarget { action, subject, matter: None }).await;
        let permit = permit.map_err(|_| LoginError::Unavailable)?;
        let practice = self.practice.clone();
        let spent = tokio::task::spawn_blocking(move || practice.spend_recovery_code(permit, &digest)).await;
        match spent {
            Ok(Ok(spent)) => Ok(spent),
            _ => Err(LoginError::Unavailable),
        }
    }
}

/// Six digits, 30 seconds, SHA-1: what every authenticator understands.
fn totp(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    Builder::new().with_secret(secret).with_skew(1).with_step_duration(30).with_digits(6).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = Secret::from(b"12345678901234567890".to_vec()).to_base32();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(totp(&secret).expect("a secret").check(code, seconds), Some(seconds / 30));
        }
        assert_eq!(totp(&secret).expect("a secret").check("287083", 59), None);
        assert!(totp("not base32!").is_none());
    }

    #[test]
    fn an_address_for_authenticators_is_escaped() {
        assert_eq!(
            authenticator_url("Example & Law: Ä", "client.one@example.com", "ABCD=="),
            "otpauth://totp/Example%20%26%20Law%3A%20%C3%84:client%2Eone%40example%2Ecom?secret=ABCD\
             &issuer=Example%20%26%20Law%3A%20%C3%84"
        );
    }

    #[test]
    fn secrets_have_160_bits_and_differ() {
        let (one, other) = (random_secret(), random_secret());
        assert_ne!(one, other);
        assert_eq!(one.trim_end_matches('=').len(), 32);
    }
}
