//! The host's keys, told to whoever has logged in, so that a client knows the next key before it is used (OpenSSH's PROTOCOL,
//! section 2.5). What is in use is the first key of each kind; the others are there to be announced.

use std::sync::Arc;

use russh::keys::signature::Signer;
use russh::keys::ssh_encoding::{Decode, Encode};
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::Config;

/// The global request that tells of all keys.
pub(super) const ANNOUNCE: &str = "hostkeys-00@openssh.com";
/// The one that asks for the proof that some of them are here.
pub(super) const PROVE: &str = "hostkeys-prove-00@openssh.com";

/// All keys of the host, each once: OpenSSH's client learns nothing from a list that names a key twice.
pub(super) struct HostKeys {
    /// Whose keys they are.
    config: Arc<Config>,
    /// The public half of each, as SSH carries it, and where in `config` the key is.
    known: Vec<(Vec<u8>, usize)>,
    /// All public halves, one string after the other.
    announcement: Vec<u8>,
}

impl HostKeys {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let (mut known, mut announcement) = (Vec::<(Vec<u8>, usize)>::new(), Vec::new());
        for (at, key) in config.keys.iter().enumerate() {
            let Ok(blob) = key.public_key().to_bytes() else { continue };
            if !known.iter().any(|(other, _)| *other == blob) && blob.encode(&mut announcement).is_ok() {
                known.push((blob, at));
            }
        }
        Self { config, known, announcement }
    }

    /// What [`ANNOUNCE`] carries.
    pub(super) fn announcement(&self) -> &[u8] {
        &self.announcement
    }

    /// Answers [`PROVE`]: signs with every key that is asked for, in that order, for this session alone. Nothing at all if one
    /// is none of ours, and never more than each of ours once, whatever is asked.
    pub(super) fn prove(&self, asked: &[u8], session_id: &[u8], in_use: Option<&Algorithm>) -> Option<Vec<u8>> {
        if asked.is_empty() || asked.len() > self.announcement.len() {
            return None;
        }
        let (mut rest, mut keys) = (asked, Vec::new());
        while !rest.is_empty() {
            let blob = Vec::<u8>::decode(&mut rest).ok()?;
            let (_, at) = self.known.iter().find(|(known, _)| *known == blob)?;
            keys.push((blob, self.config.keys.get(*at)?));
        }
        // Only now: a request with one foreign key costs no signature.
        let mut proofs = Vec::new();
        for (blob, key) in keys {
            let mut message = Vec::new();
            PROVE.encode(&mut message).ok()?;
            session_id.encode(&mut message).ok()?;
            blob.encode(&mut message).ok()?;
            sign(key, &message, in_use)?.encode_prefixed(&mut proofs).ok()?;
        }
        Some(proofs)
    }
}

/// Which keys are in use and which are announced alone, in words, with fingerprints as `ssh-keygen -l` prints them.
pub(super) fn told(keys: &[PrivateKey]) -> String {
    let one = |key: &PrivateKey| format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
    let is_first = |at: usize| !keys.iter().take(at).any(|other| other.algorithm() == keys[at].algorithm());
    let of = |first: bool| -> Vec<String> {
        keys.iter().enumerate().filter(|(at, _)| is_first(*at) == first).map(|(_, key)| one(key)).collect()
    };
    let (in_use, others) = (of(true).join(", "), of(false).join(", "));
    if others.is_empty() { in_use } else { format!("{in_use}; announced alone: {others}") }
}

/// With an RSA key by the hash that the key exchange agreed on, if it was by RSA, since OpenSSH's client takes no other then
/// (RFC 8332 section 3; `clientloop.c`).
fn sign(key: &PrivateKey, message: &[u8], in_use: Option<&Algorithm>) -> Option<Signature> {
    match key.key_data() {
        KeypairData::Rsa(pair) => {
            let agreed = in_use.and_then(|algorithm| match algorithm {
                Algorithm::Rsa { hash } => *hash,
                _ => None,
            });
            (pair, Some(agreed.unwrap_or(HashAlg::Sha512))).try_sign(message).ok()
        }
        pair => pair.try_sign(message).ok(),
    }
}

#[cfg(test)]
mod tests {
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::private::Ed25519Keypair;

    use super::*;

    fn ed25519() -> PrivateKey {
        Ed25519Keypair::random(&mut safe_rng()).into()
    }

    #[test]
    fn each_key_is_announced_once_and_the_first_of_its_kind_is_in_use() {
        let (one, two) = (ed25519(), ed25519());
        let keys = vec![one.clone(), two.clone(), one.clone()];
        let told = told(&keys);
        let fingerprint = |key: &PrivateKey| key.fingerprint(HashAlg::Sha256).to_string();
        assert!(told.starts_with(&format!("ssh-ed25519 {}; announced alone: ", fingerprint(&one))), "{told}");
        let host = HostKeys::new(Arc::new(Config { keys, ..Config::default() }));
        let mut expected = Vec::new();
        for key in [&one, &two] {
            key.public_key().to_bytes().expect("bytes").encode(&mut expected).expect("encoded");
        }
        assert_eq!(host.announcement(), expected);
        assert!(host.prove(&expected, b"session", None).is_some());
        assert!(host.prove(&[&expected[..], &expected[..55]].concat(), b"session", None).is_none());
        assert!(HostKeys::new(Arc::default()).prove(&expected, b"session", None).is_none());
    }

    #[test]
    fn no_request_can_panic_the_prover() {
        let host = HostKeys::new(Arc::new(Config { keys: vec![ed25519()], ..Config::default() }));
        for bytes in [&b""[..], b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01\0\0\0\x01"] {
            assert!(host.prove(bytes, b"session", None).is_none(), "{bytes:?}");
        }
    }
}
