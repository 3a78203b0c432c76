//! The body of a record: who and what, as JSON, sealed beside the leaf that commits to it.
//!
//! Sealed, a body is `nonce (12) ‖ AES-256-GCM-SIV(salt (16) ‖ JSON) ‖ tag (16)`. GCM-SIV keeps its promise with
//! random nonces for far more records than a log will hold. The salt keeps a short body from being guessed from the
//! hash in its leaf, and goes away with the body when that is erased.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::event::{Action, Actor, Detail, Event, Outcome};
use super::leaf::{Tag, array};
use super::tree::{Hash, sha256};
use crate::names::{AccountId, AuthMethod, Front, MatterId, NodeId, Role, SessionId};

/// Bytes of salt before the JSON.
pub(super) const SALT_BYTES: usize = 16;
/// The largest sealed body that a reader accepts; what [`encode`] makes stays far below.
pub(super) const MAX_SEALED_BYTES: usize = 128 * 1024;

const AAD: &[u8] = b"deedbox audit body v1";
/// Longest texts, in bytes of UTF-8; a login is whatever a stranger typed.
const MAX_PATH: usize = 4096;
const MAX_TEXT: usize = 1024;
const MAX_LOGIN: usize = 256;

/// The JSON object. Field names are part of the format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    #[serde(with = "super::text::plain")]
    session: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::text::option")]
    account: Option<AccountId>,
    login: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    front: Front,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    auth: AuthMethod,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::text::option")]
    pub(super) matter: Option<MatterId>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::text::option")]
    object: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(flatten)]
    detail: DetailFields,
}

/// [`Detail`] without its own `object`, which takes the place of the event's.
type DetailFields = Detail;

/// The body cannot be opened, is not what its leaf commits to, or is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadBody {
    #[error("the body cannot be opened with this key")]
    Sealed,
    #[error("the body is not the one that the record commits to")]
    Hash,
    #[error("the body is not readable")]
    Text,
}

/// The keys that read bodies and recognise matters; they cannot sign.
#[derive(Clone)]
pub struct ReadKeys {
    body_key: Zeroizing<[u8; 32]>,
    tag_key: Zeroizing<[u8; 32]>,
}

impl ReadKeys {
    /// From the two secrets of [`super::AuditKeys`].
    pub fn new(body_key: Zeroizing<[u8; 32]>, tag_key: Zeroizing<[u8; 32]>) -> Self {
        Self { body_key, tag_key }
    }

    pub(super) fn opener(&self) -> Sealer {
        Sealer::new(&self.body_key, &self.tag_key)
    }
}

/// Seals and opens bodies, and blinds matters.
pub(super) struct Sealer {
    body: LessSafeKey,
    tag: hmac::Key,
}

/// A body ready for the log.
pub(super) struct SealedBody {
    pub(super) body_hash: Hash,
    pub(super) sealed_hash: Hash,
    pub(super) sealed: Vec<u8>,
}

impl Sealer {
    pub(super) fn new(body_key: &[u8; 32], tag_key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, body_key).expect("the key has the length of the algorithm");
        Self { body: LessSafeKey::new(key), tag: hmac::Key::new(hmac::HMAC_SHA256, tag_key) }
    }

    /// The matter's tag.
    pub(super) fn tag(&self, matter: &MatterId) -> Tag {
        array(&hmac::sign(&self.tag, matter.as_bytes()).as_ref()[..16])
    }

    pub(super) fn seal(&self, event: &Event) -> SealedBody {
        let mut plain = Vec::with_capacity(640);
        let mut random = [0; SALT_BYTES + NONCE_LEN];
        aws_lc_rs::rand::fill(&mut random).expect("the random generator of the library does not fail");
        plain.extend_from_slice(&random[..SALT_BYTES]);
        encode(event, &mut plain);
        self.seal_plain(plain, array(&random[SALT_BYTES..]))
    }

    fn seal_plain(&self, mut bytes: Vec<u8>, nonce: [u8; NONCE_LEN]) -> SealedBody {
        let body_hash = sha256(&bytes);
        let tag = self
            .body
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), &mut bytes)
            .expect("a body is far below the limit of the algorithm");
        let sealed = [&nonce, bytes.as_slice(), tag.as_ref()].concat();
        SealedBody { body_hash, sealed_hash: sha256(&sealed), sealed }
    }

    /// Opens a body to `salt ‖ JSON` and checks it against its leaf.
    pub(super) fn open(&self, sealed: &[u8], body_hash: &Hash) -> Result<Vec<u8>, BadBody> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(BadBody::Sealed)?;
        let nonce = Nonce::assume_unique_for_key(array(nonce));
        let mut bytes = sealed.to_vec();
        let length = self.body.open_in_place(nonce, Aad::from(AAD), &mut bytes).map_err(|_| BadBody::Sealed)?.len();
        bytes.truncate(length);
        if sha256(&bytes) != *body_hash {
            return Err(BadBody::Hash);
        }
        Ok(bytes)
    }
}

/// Appends the JSON of an event; texts are cut to their limits.
fn encode(event: &Event, out: &mut Vec<u8>) {
    let cut = |text: &Option<String>, limit| text.as_deref().map(|text| cut(text, limit));
    let actor = &event.actor;
    let mut detail = event.detail.clone();
    detail.reason = cut(&detail.reason, MAX_TEXT);
    detail.to = cut(&detail.to, MAX_PATH);
    detail.subject = cut(&detail.subject, MAX_TEXT);
    detail.ranges.truncate(super::event::MAX_RANGES);
    let body = Body {
        session: actor.session,
        account: actor.account,
        login: self::cut(&actor.login, MAX_LOGIN),
        role: actor.role,
        front: actor.front,
        peer: cut(&actor.peer, MAX_LOGIN),
        auth: actor.auth,
        matter: event.matter,
        object: detail.object.take().or(event.object),
        path: cut(&event.path, MAX_PATH),
        detail,
    };
    serde_json::to_writer(out, &body).expect("writing JSON to memory does not fail");
}

fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

impl Body {
    /// Parses `salt ‖ JSON`.
    pub(super) fn parse(plain: &[u8]) -> Result<Self, BadBody> {
        let json = plain.get(SALT_BYTES..).ok_or(BadBody::Text)?;
        serde_json::from_slice(json).map_err(|_| BadBody::Text)
    }

    /// The event again.
    pub(super) fn into_event(self, action: Action, outcome: Outcome) -> Event {
        Event {
            actor: Actor {
                session: self.session,
                account: self.account,
                login: self.login,
                role: self.role,
                front: self.front,
                peer: self.peer,
                auth: self.auth,
            },
            action,
            outcome,
            matter: self.matter,
            object: self.object,
            path: self.path,
            detail: self.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::BlobId;

    fn event() -> Event {
        let mut event = Event::new(Actor::service("recovery"), Action::Read, Outcome::Done);
        event.matter = Some(MatterId::random());
        event.object = Some(NodeId::random());
        event.path = Some("/2026-0001 Purchase/Documents/Deed.pdf".to_owned());
        event.detail.sha256 = Some([7; 32]);
        event.detail.blob = Some(BlobId::random());
        event.detail.add_range(0, 65_536);
        event
    }

    #[test]
    fn a_body_reads_back_with_its_key_alone() {
        let sealer = Sealer::new(&[1; 32], &[2; 32]);
        let event = event();
        let sealed = sealer.seal(&event);
        let plain = sealer.open(&sealed.sealed, &sealed.body_hash).expect("the same key");
        let body = Body::parse(&plain).expect("our own encoding");
        assert_eq!(body.into_event(Action::Read, Outcome::Done), event);
        let other = Sealer::new(&[3; 32], &[2; 32]);
        assert_eq!(other.open(&sealed.sealed, &sealed.body_hash), Err(BadBody::Sealed));
        assert_eq!(sealer.open(&sealed.sealed, &[0; 32]), Err(BadBody::Hash));
    }

    #[test]
    fn equal_events_have_different_hashes() {
        let sealer = Sealer::new(&[1; 32], &[2; 32]);
        let event = event();
        assert_ne!(sealer.seal(&event).body_hash, sealer.seal(&event).body_hash);
    }

    #[test]
    fn what_a_stranger_types_is_cut() {
        let sealer = Sealer::new(&[1; 32], &[2; 32]);
        let mut event = event();
        event.actor.login = "\u{1}".repeat(1 << 20);
        event.path = Some("ä".repeat(1 << 20));
        event.detail.reason = Some("\u{1}".repeat(1 << 20));
        assert!(sealer.seal(&event).sealed.len() < MAX_SEALED_BYTES / 2);
    }
}
