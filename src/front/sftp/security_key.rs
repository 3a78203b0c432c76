//! What a security key's signature says beside that it is one (OpenSSH's PROTOCOL.u2f, "SSH U2F signatures").

use russh::keys::Algorithm;
use russh::keys::ssh_key::Signature;

use crate::gate::SecurityKey;

/// The flag for a person who was there.
const TOUCHED: u8 = 0x01;
/// The flag for one who is known.
const VERIFIED: u8 = 0x04;

/// Nothing for keys that are no security keys. The counter behind the flags is not looked at, as sshd does not: it would have
/// to be kept, durably, for every login.
pub(super) fn said(signature: &Signature) -> Option<SecurityKey> {
    if !matches!(signature.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
        return None;
    }
    // The last five bytes, as russh's `ssh-key` keeps them: one of flags, four of the counter.
    let flags = signature.as_bytes().iter().rev().nth(4).copied().unwrap_or(0);
    Some(SecurityKey { touched: flags & TOUCHED != 0, verified: flags & VERIFIED != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_found_before_the_counter() {
        for (flags, touched, verified) in [(0, false, false), (1, true, false), (5, true, true), (0xfb, true, false)] {
            let bytes = [&[0xff; 64][..], &[flags], &[0xff; 4]].concat();
            let signature = Signature::new(Algorithm::SkEd25519, bytes).expect("of the right length");
            assert_eq!(said(&signature), Some(SecurityKey { touched, verified }), "{flags}");
        }
        let plain = Signature::new(Algorithm::Ed25519, [0; 64]).expect("of the right length");
        assert_eq!(said(&plain), None);
    }
}
