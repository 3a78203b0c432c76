//! The X25519 stanza of an age header (age-encryption.org/v1, "The X25519 recipient type"), on aws-lc.
//!
//! Every blob that is made or opened costs one of these, and the `age` crate's portable arithmetic was a quarter of what
//! serving a small document cost (measured; `cargo bench --bench inner -- stanza` has both side by side). The crate
//! remains the judge: what is made here must open with it, and the reverse.

use std::collections::HashSet;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519};
use aws_lc_rs::{error::Unspecified, hkdf};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

use super::MatterKey;

const TAG: &str = "X25519";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const SHARE_BYTES: usize = 32;
/// The file key and its Poly1305 tag.
const BODY_BYTES: usize = FILE_KEY_BYTES + 16;

impl age::Recipient for MatterKey {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let failed = |Unspecified| std::io::Error::other("a file key could not be encrypted");
        let ephemeral = agreement::PrivateKey::generate(&X25519).map_err(failed)?;
        let share = share_of(&ephemeral).map_err(failed)?;
        let key = wrapping_key(&ephemeral, self.share(), &share, self.share()).map_err(failed)?;
        let mut body = file_key.expose_secret().to_vec();
        let sealed = key.seal_in_place_append_tag(no_nonce(), Aad::empty(), &mut body);
        if let Err(error) = sealed {
            body.zeroize();
            return Err(failed(error).into());
        }
        let stanza = Stanza { tag: TAG.to_owned(), args: vec![STANDARD_NO_PAD.encode(share)], body };
        Ok((vec![stanza], HashSet::new()))
    }
}

impl age::Identity for MatterKey {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != TAG {
            return None;
        }
        let share = match &stanza.args[..] {
            [share] => STANDARD_NO_PAD.decode(share).ok().and_then(|share| <[u8; SHARE_BYTES]>::try_from(share).ok()),
            _ => None,
        };
        let (Some(share), Ok(mut body)) = (share, <[u8; BODY_BYTES]>::try_from(&stanza.body[..])) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        // An all-zero secret, which a share of low order brings about, is refused by the agreement.
        let Ok(key) = wrapping_key(&self.private, &share, &share, self.share()) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        // One that does not open may be for another recipient.
        let opened = key.open_in_place(no_nonce(), Aad::empty(), &mut body).ok()?;
        let file_key = FileKey::init_with_mut(|file_key| file_key.copy_from_slice(opened));
        body.zeroize();
        Some(Ok(file_key))
    }
}

/// The public share of a private key.
pub(super) fn share_of(private: &agreement::PrivateKey) -> Result<[u8; SHARE_BYTES], Unspecified> {
    private.compute_public_key()?.as_ref().try_into().map_err(|_| Unspecified)
}

/// HKDF-SHA-256 of the shared secret, with both public shares as salt.
fn wrapping_key(
    private: &agreement::PrivateKey,
    peer: &[u8; SHARE_BYTES],
    ephemeral: &[u8; SHARE_BYTES],
    recipient: &[u8; SHARE_BYTES],
) -> Result<LessSafeKey, Unspecified> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[&ephemeral[..], recipient].concat());
    agreement::agree(private, UnparsedPublicKey::new(&X25519, peer), Unspecified, |secret| {
        let key = UnboundKey::from(salt.extract(secret).expand(&[LABEL], &CHACHA20_POLY1305)?);
        Ok(LessSafeKey::new(key))
    })
}

/// The key is used once.
fn no_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// The 32 bytes of an identity's text, which is Bech32 (BIP 173).
pub(super) fn secret_of(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let (_, words, bech32::Variant::Bech32) = bech32::decode(text).ok()? else { return None };
    let bytes = Zeroizing::new(<Vec<u8> as bech32::FromBase32>::from_base32(&words).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use age::{Identity as _, Recipient as _};
    use proptest::prelude::*;

    use super::*;

    fn file_key(bytes: [u8; FILE_KEY_BYTES]) -> FileKey {
        FileKey::init_with_mut(|key| *key = bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_wrapped_here_opens_with_the_crate_and_the_reverse(bytes: [u8; FILE_KEY_BYTES]) {
            let matter = MatterKey::generate();
            let theirs: age::x25519::Identity = matter.to_text().parse().expect("an identity");
            let key = file_key(bytes);
            let (ours, _) = matter.wrap_file_key(&key).expect("wrapped");
            let (by_the_crate, _) = theirs.to_public().wrap_file_key(&key).expect("wrapped");
            for opened in [
                theirs.unwrap_stanza(&ours[0]),
                matter.unwrap_stanza(&ours[0]),
                matter.unwrap_stanza(&by_the_crate[0]),
            ] {
                prop_assert_eq!(opened.expect("ours").ok().map(|key| *key.expose_secret()), Some(bytes));
            }
        }
    }

    #[test]
    fn a_stanza_is_refused_or_left_to_others_as_the_crate_does() {
        let matter = MatterKey::generate();
        let theirs: age::x25519::Identity = matter.to_text().parse().expect("an identity");
        let (stanzas, _) = matter.wrap_file_key(&file_key([7; FILE_KEY_BYTES])).expect("wrapped");
        let share = stanzas[0].args[0].clone();
        let low_order = STANDARD_NO_PAD.encode([0; SHARE_BYTES]);
        let with = |tag: &str, args: &[&str], body: &[u8]| Stanza {
            tag: tag.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            body: body.to_vec(),
        };
        let sound = &stanzas[0].body;
        let flipped: Vec<u8> = sound.iter().map(|byte| byte ^ 1).collect();
        for stanza in [
            with("scrypt", &[&share], sound),
            with(TAG, &[], sound),
            with(TAG, &[&share, &share], sound),
            with(TAG, &[&share[1..]], sound),
            with(TAG, &[&format!("{share}=")], sound),
            with(TAG, &[&low_order], sound),
            with(TAG, &[&share], &sound[1..]),
            with(TAG, &[&share], &flipped),
        ] {
            let kind = |opened: Option<Result<FileKey, DecryptError>>| opened.map(|result| result.is_ok());
            let (ours, crates) = (kind(matter.unwrap_stanza(&stanza)), kind(theirs.unwrap_stanza(&stanza)));
            assert_eq!(ours, crates, "{} {:?}", stanza.tag, stanza.args);
            assert_ne!(ours, Some(true));
        }
        let other = MatterKey::generate();
        assert!(other.unwrap_stanza(&stanzas[0]).is_none());
    }
}
