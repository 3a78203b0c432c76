//! Which SSH algorithms are spoken: modern ones only, but at the listener for old scanners.

use std::borrow::Cow;
use std::time::Duration;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};

use super::Settings;

/// Nothing about the version: scanners collect these.
const SERVER_ID: &str = "SSH-2.0-Deedbox";

/// A refused key is answered after this time, whether the login exists or not. Passwords take their time in the gate.
const REJECTION: Duration = Duration::from_millis(250);

/// Hybrid post-quantum first, then what every client of the last ten years has. No NIST curves and no finite fields: clients
/// that know nothing newer are those for which this listener is not. The last two switch on RFC 8308 extension negotiation (clients learn of rsa-sha2 by it)
/// and strict key exchange, which stops prefix truncation (CVE-2023-48795).
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

/// The same without what a quantum computer would undo for whoever has kept the traffic until then.
const POST_QUANTUM_KEX: &[kex::Name] =
    &[kex::MLKEM768X25519_SHA256, kex::EXTENSION_SUPPORT_AS_SERVER, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER];

/// aes128-gcm first: the fastest on every machine with AES instructions, and the client's order counts anyway.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// Encrypt-then-MAC only; needed by the CTR ciphers alone.
const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM];

/// What users' keys may sign with, by `server-sig-algs`; the host's own keys are of fewer kinds (`cli/setup/ssh.rs`), and of
/// these names russh offers those that it has a key for. ssh-rsa, which signs SHA-1, is not among them.
const KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::SkEd25519,
    Algorithm::SkEcdsaSha2NistP256,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

const MIN_RSA_BITS: u32 = 2048;

/// What is spoken at a listener.
pub(super) struct Suite {
    kex: &'static [kex::Name],
    ciphers: &'static [cipher::Name],
    macs: &'static [mac::Name],
    keys: &'static [Algorithm],
}

static MODERN: Suite = Suite { kex: KEX, ciphers: CIPHERS, macs: MACS, keys: KEYS };

static POST_QUANTUM: Suite = Suite { kex: POST_QUANTUM_KEX, ciphers: CIPHERS, macs: MACS, keys: KEYS };

/// What scanners speak that get no updates any more, behind what is better: SHA-1 in signatures, key exchange and MACs,
/// Diffie-Hellman over 1024 bits, and CBC with MACs over the plain text, of which an attacker in between can learn some
/// (CVE-2008-5161).
static OLD: Suite = Suite {
    kex: &[
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        kex::ECDH_SHA2_NISTP256,
        kex::ECDH_SHA2_NISTP384,
        kex::ECDH_SHA2_NISTP521,
        kex::DH_G14_SHA256,
        kex::DH_G14_SHA1,
        kex::DH_G1_SHA1,
        kex::EXTENSION_SUPPORT_AS_SERVER,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
    ],
    ciphers: &[
        cipher::AES_128_GCM,
        cipher::AES_256_GCM,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
        cipher::AES_128_CBC,
        cipher::TRIPLE_DES_CBC,
    ],
    macs: &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512, mac::HMAC_SHA1],
    keys: &[
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
        Algorithm::Rsa { hash: None },
    ],
};

impl Suite {
    /// What a listener with these settings speaks.
    pub(super) fn of(settings: &Settings) -> &'static Self {
        match settings {
            Settings { scanners: Some(_), .. } => &OLD,
            Settings { post_quantum_only: true, .. } => &POST_QUANTUM,
            _ => &MODERN,
        }
    }

    /// May a login be proven with this key and this signature algorithm? russh only advertises its list: it verifies any
    /// signature that it can, SHA-1 among them, so the list is enforced here.
    pub(super) fn accepts(&self, key: &PublicKey, algorithm: &Algorithm) -> bool {
        self.keys.contains(algorithm) && key.key_data().rsa().is_none_or(|rsa| rsa.key_size() >= MIN_RSA_BITS)
    }
}

/// May an authority sign certificates with this key and this algorithm? Old scanners have none, so there is one answer.
pub(super) fn may_certify(authority: &PublicKey, algorithm: &Algorithm) -> bool {
    MODERN.accepts(authority, algorithm)
}

/// How a login can be proven.
pub(super) fn methods() -> MethodSet {
    MethodSet::from(&[MethodKind::PublicKey, MethodKind::Password][..])
}

/// What is left to do for an account with a second factor.
pub(super) fn second_methods() -> MethodSet {
    MethodSet::from(&[MethodKind::KeyboardInteractive][..])
}

/// The configuration of russh. The sizes are those that measured best; the loop never blocks on them because the
/// channels' readers always drain.
pub(super) fn config(settings: &Settings) -> Config {
    let suite = Suite::of(settings);
    Config {
        server_id: SshId::Standard(Cow::Borrowed(SERVER_ID)),
        methods: methods(),
        auth_rejection_time: REJECTION,
        // OpenSSH always asks with "none" first; a delay there would be added to every login.
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 10,
        keys: settings.host_keys.clone(),
        window_size: 2 << 20,
        maximum_packet_size: 32_768,
        channel_buffer_size: 100,
        event_buffer_size: 16,
        preferred: Preferred {
            kex: Cow::Borrowed(suite.kex),
            key: Cow::Borrowed(suite.keys),
            cipher: Cow::Borrowed(suite.ciphers),
            mac: Cow::Borrowed(suite.macs),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        // The connection itself knows when it has been idle for too long, says so and counts it; russh would race it to the end.
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_weak_algorithm_is_offered() {
        let names: Vec<&str> = KEX
            .iter()
            .map(AsRef::as_ref)
            .chain(CIPHERS.iter().map(AsRef::as_ref))
            .chain(MACS.iter().map(AsRef::as_ref))
            .chain(KEYS.iter().map(|key| key.as_str()))
            .collect();
        for weak in ["sha1", "cbc", "3des", "group1-", "group14", "md5", "none", "ssh-rsa", "ssh-dss"] {
            assert!(!names.iter().any(|name| name.contains(weak)), "{weak} in {names:?}");
        }
        assert!(!KEX.iter().map(AsRef::as_ref).any(|name: &str| name.contains("nistp")), "{names:?}");
        assert_eq!(names[0], "mlkem768x25519-sha256");
        assert!(names.contains(&"kex-strict-s-v00@openssh.com"));
    }

    #[test]
    fn sha1_signatures_are_refused_although_russh_verifies_them() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        let key = PublicKey::from_openssh(key).expect("a key");
        assert!(MODERN.accepts(&key, &Algorithm::Ed25519));
        assert!(!MODERN.accepts(&key, &Algorithm::Rsa { hash: None }));
        assert!(OLD.accepts(&key, &Algorithm::Rsa { hash: None }));
        assert!(!MODERN.accepts(&key, &Algorithm::Dsa) && !OLD.accepts(&key, &Algorithm::Dsa));
        assert!(may_certify(&key, &Algorithm::Ed25519) && !may_certify(&key, &Algorithm::Rsa { hash: None }));
    }
}
