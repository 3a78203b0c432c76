//! Tokens of the JSON API: what a program shows instead of a login (RFC 6750).
//!
//! They are long and random, so that their SHA-256 is enough to keep, and found by it, since a program sends nothing else.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::accounts::bounded;
use super::draft::Draft;
use super::records::{all, damaged, id_at};
use super::words::{self, quoted};
use super::{Error, Firm, Practice, TokenDigest};
use crate::gate::{Administer, Permit};
use crate::kv::SealedStore;
use crate::names::{AccountId, Scope, Timestamp};

/// The kind of their records in the store, beside those of `records.rs`.
const API_TOKENS: &[u8] = b"fi";
/// How many tokens an account may have.
const MAX_TOKENS: usize = 64;
/// How long one is good at most: whoever has forgotten about it must not leave it open for ever.
pub const MAX_TOKEN_DAYS: u16 = 366;

/// A token of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it; unique for the account.
    pub name: String,
    /// Of its text.
    pub digest: TokenDigest,
    /// How far it reaches.
    pub scope: Scope,
    /// It opens nothing from this moment on.
    pub expires: Timestamp,
    /// When it was made.
    pub created: Timestamp,
}

/// A token to be made.
pub struct NewApiToken {
    /// What its owner calls it.
    pub name: String,
    /// Of its text.
    pub digest: TokenDigest,
    /// How far it reaches: no further than its account's role.
    pub scope: Scope,
    /// From now on, in days: 1 to [`MAX_TOKEN_DAYS`].
    pub days: u16,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ApiTokenRecord {
    name: String,
    digest: [u8; 32],
    scope: Scope,
    expires: Timestamp,
    created: Timestamp,
}

impl From<&ApiToken> for ApiTokenRecord {
    fn from(token: &ApiToken) -> Self {
        let ApiToken { name, digest, scope, expires, created, .. } = token.clone();
        Self { name, digest: *digest.as_bytes(), scope, expires, created }
    }
}

impl ApiTokenRecord {
    fn of(self, account: AccountId) -> ApiToken {
        let Self { name, digest, scope, expires, created } = self;
        ApiToken { account, name, digest: TokenDigest::from_bytes(digest), scope, expires, created }
    }
}

/// By the digest of its text, like a link.
pub(super) fn api_token_key(account: AccountId, digest: &TokenDigest) -> Vec<u8> {
    [API_TOKENS, account.as_bytes(), &digest.as_bytes()[..16]].concat()
}

pub(super) fn load_api_tokens(store: &SealedStore, firm: &mut Firm) -> Result<(), Error> {
    for (key, record) in all::<ApiTokenRecord>(store, API_TOKENS)? {
        let account = AccountId::from_bytes(id_at(&key, 2)?);
        if firm.account(account).is_none() {
            return Err(damaged("a token without its account"));
        }
        firm.insert_api_token(Arc::new(record.of(account)));
    }
    Ok(())
}

/// Each method is durable on return and then in the snapshot, or changes nothing and says why. Both block.
impl Practice {
    /// Adds a token to an account.
    ///
    /// # Errors
    /// [`Error::Refused`] if it would reach further than the account's role.
    pub fn add_api_token(
        &self,
        permit: Permit<Administer>,
        login: &str,
        new: NewApiToken,
    ) -> Result<Arc<ApiToken>, Error> {
        self.change(permit, |draft| draft.add_api_token(login, new))
    }

    /// Takes a token away; the sessions that it opened end.
    pub fn revoke_api_token(&self, permit: Permit<Administer>, login: &str, name: &str) -> Result<(), Error> {
        self.change(permit, |draft| draft.revoke_api_token(login, name))
    }
}

impl Firm {
    /// The token with this digest, if it is good now.
    pub fn api_token(&self, digest: &TokenDigest, now: Timestamp) -> Option<&Arc<ApiToken>> {
        self.tokens.get(digest).filter(|token| now < token.expires)
    }

    /// The tokens of an account, expired ones too, by name.
    pub fn api_tokens_of(&self, account: AccountId) -> Vec<Arc<ApiToken>> {
        let mut all: Vec<_> = self.tokens.values().filter(|token| token.account == account).cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    pub(super) fn insert_api_token(&mut self, token: Arc<ApiToken>) {
        Arc::make_mut(&mut self.tokens).insert(token.digest, token);
    }

    pub(super) fn remove_api_token(&mut self, digest: &TokenDigest) {
        Arc::make_mut(&mut self.tokens).remove(digest);
    }
}

impl Draft<'_> {
    fn add_api_token(&mut self, login: &str, new: NewApiToken) -> Result<Arc<ApiToken>, Error> {
        let account = self.account(login)?;
        let name = words::title("token", &new.name)?;
        let others = self.firm().api_tokens_of(account.id);
        if others.iter().any(|one| words::same(&one.name, &name)) {
            return Err(Error::Exists(format!("{} has a token {} already", account.login, quoted(&name))));
        }
        bounded(others.len(), MAX_TOKENS, "tokens of one account")?;
        if Scope::furthest(account.role).is_none_or(|furthest| new.scope > furthest) {
            let role = account.role;
            return Err(Error::Refused(format!(
                "a token of an account with the role {role} cannot have the scope {}",
                new.scope
            )));
        }
        if !(1..=MAX_TOKEN_DAYS).contains(&new.days) {
            return Err(Error::Invalid(format!("a token is good for 1 to {MAX_TOKEN_DAYS} days")));
        }
        let created = Timestamp::now();
        let expires = created.after(Duration::from_secs(24 * 3600) * u32::from(new.days));
        let (digest, scope) = (new.digest, new.scope);
        let token = Arc::new(ApiToken { account: account.id, name, digest, scope, expires, created });
        self.insert_api_token(token.clone());
        Ok(token)
    }

    fn revoke_api_token(&mut self, login: &str, name: &str) -> Result<(), Error> {
        let account = self.account(login)?;
        let all = self.firm().api_tokens_of(account.id);
        let Some(token) = all.iter().find(|one| words::same(&one.name, name)) else {
            let (login, name) = (&account.login, quoted(name));
            return Err(Error::NotFound(format!("{login} has no token {name}; `account token list` names all")));
        };
        self.delete_api_token(token);
        Ok(())
    }
}
