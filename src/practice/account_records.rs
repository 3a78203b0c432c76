//! How accounts, what opens them, and links to them stand in the store. See [`records`](super::records) for the rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::records::{all, damaged, id_at};
use super::{
    Account, AccountKey, DevicePassword, Error, Firm, Link, LinkPurpose, Restriction, SecondFactor, TokenDigest,
    ssh_key,
};
use crate::kv::SealedStore;
use crate::names::{AccountId, Bytes, ContactId, Role, Timestamp};

const ACCOUNTS: &[u8] = b"fa";
const ACCOUNT_KEYS: &[u8] = b"fk";
const SECOND_FACTORS: &[u8] = b"fn";
const DEVICE_PASSWORDS: &[u8] = b"fd";
const LINKS: &[u8] = b"fl";

pub(super) fn account_key(id: AccountId) -> Vec<u8> {
    [ACCOUNTS, id.as_bytes()].concat()
}

/// By the digest of the key, so that one key stands once.
pub(super) fn ssh_key_key(account: AccountId, blob: &[u8]) -> Vec<u8> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, blob);
    [ACCOUNT_KEYS, account.as_bytes(), &digest.as_ref()[..16]].concat()
}

pub(super) fn second_factor_key(account: AccountId) -> Vec<u8> {
    [SECOND_FACTORS, account.as_bytes()].concat()
}

pub(super) fn device_password_key(account: AccountId, digest: &TokenDigest) -> Vec<u8> {
    [DEVICE_PASSWORDS, account.as_bytes(), &digest.as_bytes()[..16]].concat()
}

pub(super) fn link_key(account: AccountId, digest: &TokenDigest) -> Vec<u8> {
    [LINKS, account.as_bytes(), &digest.as_bytes()[..16]].concat()
}

#[derive(Serialize, Deserialize)]
pub(super) struct AccountRecord {
    login: String,
    role: Role,
    contact: Option<ContactId>,
    #[serde(with = "secret")]
    password: Option<Zeroizing<String>>,
    enabled: bool,
    credentials: u64,
    created: Timestamp,
    #[serde(default)]
    quota: Option<Bytes>,
    #[serde(default)]
    restriction: Restriction,
    #[serde(default)]
    receipts: bool,
}

impl From<&Account> for AccountRecord {
    fn from(account: &Account) -> Self {
        Self {
            login: account.login.clone(),
            role: account.role,
            contact: account.contact,
            password: account.password.clone(),
            enabled: account.enabled,
            credentials: account.credentials,
            created: account.created,
            quota: account.quota,
            restriction: account.restriction.clone(),
            receipts: account.receipts,
        }
    }
}

/// A password's hash keeps its wiping wrapper on the way into and out of the sealed record.
mod secret {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(secret: &Option<Zeroizing<String>>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(|text| text.as_str()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Zeroizing<String>>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) text: String,
    pub(super) added: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SecondFactorRecord {
    #[serde(with = "secret")]
    secret: Option<Zeroizing<String>>,
    recovery: Vec<[u8; 32]>,
    since: Timestamp,
}

impl From<&SecondFactor> for SecondFactorRecord {
    fn from(factor: &SecondFactor) -> Self {
        let recovery = factor.recovery.iter().map(|code| *code.as_bytes()).collect();
        Self { secret: Some(factor.secret.clone()), recovery, since: factor.since }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct DevicePasswordRecord {
    name: String,
    digest: [u8; 32],
    read_only: bool,
    expires: Option<Timestamp>,
    created: Timestamp,
}

impl From<&DevicePassword> for DevicePasswordRecord {
    fn from(one: &DevicePassword) -> Self {
        let DevicePassword { name, digest, read_only, expires, created } = one.clone();
        Self { name, digest: *digest.as_bytes(), read_only, expires, created }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct LinkRecord {
    digest: [u8; 32],
    purpose: LinkPurpose,
    created: Timestamp,
    expires: Timestamp,
}

impl From<&Link> for LinkRecord {
    fn from(link: &Link) -> Self {
        let Link { purpose, created, expires, .. } = *link;
        Self { digest: *link.digest.as_bytes(), purpose, created, expires }
    }
}

/// Reads the accounts; their contacts must be in the firm already.
pub(super) fn load_accounts(store: &SealedStore, firm: &mut Firm) -> Result<(), Error> {
    let mut keys = all::<KeyRecord>(store, ACCOUNT_KEYS)?.into_iter().peekable();
    let mut factors = all::<SecondFactorRecord>(store, SECOND_FACTORS)?.into_iter().peekable();
    let mut devices = all::<DevicePasswordRecord>(store, DEVICE_PASSWORDS)?.into_iter().peekable();
    for (key, record) in all::<AccountRecord>(store, ACCOUNTS)? {
        let id = AccountId::from_bytes(id_at(&key, 2)?);
        let AccountRecord {
            login,
            role,
            contact,
            password,
            enabled,
            credentials,
            created,
            quota,
            restriction,
            receipts,
        } = record;
        // All tables are sorted by account, so what belongs to this one comes next.
        let is_own = |key: &[u8]| key.get(2..18) == Some(id.as_bytes());
        let second_factor = factors.next_if(|(key, _)| is_own(key)).map(|(_, record)| second_factor(record));
        let mut device_passwords: Vec<_> = std::iter::from_fn(|| devices.next_if(|(key, _)| is_own(key)))
            .map(|(_, one)| device_password(one))
            .collect();
        device_passwords.sort_by(|a, b| a.name.cmp(&b.name));
        let mut account = Account {
            id,
            login,
            role,
            contact,
            password,
            keys: Vec::new(),
            second_factor: second_factor.transpose()?,
            device_passwords,
            enabled,
            credentials,
            created,
            quota,
            restriction,
            receipts,
        };
        while let Some((_, key)) = keys.next_if(|(key, _)| is_own(key)) {
            let (blob, text) = ssh_key::parse(&key.text).map_err(|_| damaged("an SSH key cannot be read"))?;
            account.keys.push(AccountKey { blob, text, added: key.added });
        }
        account.keys.sort_by(|a, b| (a.added, &a.text).cmp(&(b.added, &b.text)));
        if contact.is_some_and(|contact| firm.contact(contact).is_none()) {
            return Err(damaged("an account without its contact"));
        }
        firm.insert_account(Arc::new(account));
    }
    match (keys.next(), factors.next(), devices.next()) {
        (None, None, None) => Ok(()),
        _ => Err(damaged("an SSH key, second factor or device password without its account")),
    }
}

fn second_factor(record: SecondFactorRecord) -> Result<SecondFactor, Error> {
    let secret = record.secret.ok_or_else(|| damaged("a second factor without its secret"))?;
    let recovery = record.recovery.into_iter().map(TokenDigest::from_bytes).collect();
    Ok(SecondFactor { secret, recovery, since: record.since })
}

fn device_password(record: DevicePasswordRecord) -> DevicePassword {
    let DevicePasswordRecord { name, digest, read_only, expires, created } = record;
    DevicePassword { name, digest: TokenDigest::from_bytes(digest), read_only, expires, created }
}

/// Reads the links; their accounts must be in the firm already.
pub(super) fn load_links(store: &SealedStore, firm: &mut Firm) -> Result<(), Error> {
    for (key, record) in all::<LinkRecord>(store, LINKS)? {
        let account = AccountId::from_bytes(id_at(&key, 2)?);
        if firm.account(account).is_none() {
            return Err(damaged("a link without its account"));
        }
        let LinkRecord { digest, purpose, created, expires } = record;
        let digest = TokenDigest::from_bytes(digest);
        firm.insert_link(Arc::new(Link { digest, account, purpose, created, expires }));
    }
    Ok(())
}
