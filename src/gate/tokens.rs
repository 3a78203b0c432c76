//! Tokens of the API: a login without a name, by 130 random bits (RFC 6750).

use std::net::IpAddr;
use std::sync::Arc;

use super::login::{LoginError, Proof};
use super::{Gate, Session};
use crate::audit::Detail;
use crate::names::{AuthMethod, Front, Timestamp};
use crate::practice::TokenDigest;

/// Longer texts are no tokens.
const MAX_TOKEN_BYTES: usize = 128;
/// What a failed attempt is counted under, instead of a login. The address is in it, so that who tries tokens elsewhere slows
/// nobody here.
const NOBODY: &str = "token";
const NOT_GOOD: &str = "no such token, or not any more";
/// Stands for the login in what is remembered; no login has such a character, so no Basic login finds a token's session.
const BEARER: &str = "\0bearer";

impl Gate {
    /// The session of a token: the one of an equal request from this address, until it is revoked or has expired, its account
    /// changes, or it has been idle for a quarter of an hour. A failure has been recorded and delayed when this returns.
    ///
    /// # Errors
    /// [`LoginError::Refused`] alike for a token that is unknown, revoked, expired or of a disabled account.
    pub async fn login_token(&self, peer: IpAddr, token: &str) -> Result<Arc<Session>, LoginError> {
        let nobody = format!("{NOBODY} {peer}");
        if token.len() > MAX_TOKEN_BYTES {
            return Err(self.refuse_token(peer, &nobody, NOT_GOOD).await);
        }
        let key = self.logins.cache_key(peer, BEARER, token);
        if let Some(session) = self.logins.remembered(&key) {
            return Ok(session);
        }
        // Single flight: of many first requests of one program, one logs in and the others then find its session.
        let flight = self.logins.flight(key);
        let _flight = flight.lock().await;
        if let Some(session) = self.logins.remembered(&key) {
            return Ok(session);
        }
        self.admit_guess(Front::Api, &nobody, peer)?;
        let firm = self.practice.firm();
        let found = firm.api_token(&TokenDigest::of(token), Timestamp::now());
        let account = found.and_then(|token| firm.account(token.account)).filter(|account| account.enabled);
        let Some((token, account)) = found.zip(account) else {
            return Err(self.refuse_token(peer, &nobody, NOT_GOOD).await);
        };
        let proof = Proof::of(AuthMethod::Token);
        if let Some(why) = account.restriction.refusal(proof.auth, peer) {
            return Err(self.refuse_token(peer, &nobody, why).await);
        }
        let session = Session::of_account(account, Front::Api, peer, &proof).by_token(token);
        let session = self.enter(session, Detail::because(format!("token {}", token.name))).await?;
        self.logins.remember(key, &session);
        Ok(session)
    }

    async fn refuse_token(&self, peer: IpAddr, nobody: &str, why: &str) -> LoginError {
        self.refuse(Front::Api, peer, nobody, Some(why)).await
    }
}
