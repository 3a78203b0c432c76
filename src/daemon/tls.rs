//! TLS for the WebDAV listener: versions 1.2 and 1.3, X25519MLKEM768 first (the provider prefers it), HTTP/2 and HTTP/1.1.

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::cli::{Doing as _, Problem};
use crate::config::Https;
use crate::names::Timestamp;
use crate::observe::CertificateHealth;

/// A certificate with its key, ready to serve with.
pub(crate) struct Certificate {
    config: Arc<ServerConfig>,
    health: CertificateHealth,
}

/// The certificate in use; every new connection takes it from here.
pub(super) struct Tls {
    config: Arc<ArcSwap<ServerConfig>>,
    health: Mutex<CertificateHealth>,
}

impl Tls {
    pub(super) fn new(certificate: Certificate) -> Self {
        let Certificate { config, health } = certificate;
        Self { config: Arc::new(ArcSwap::from(config)), health: Mutex::new(health) }
    }

    /// What the listener reads.
    pub(super) fn config(&self) -> Arc<ArcSwap<ServerConfig>> {
        self.config.clone()
    }

    /// Which one it is, and when it ends.
    pub(super) fn health(&self) -> CertificateHealth {
        self.health.lock().clone()
    }

    /// New connections see this one.
    pub(super) fn change(&self, certificate: Certificate) {
        self.config.store(certificate.config);
        *self.health.lock() = certificate.health;
    }
}

impl Certificate {
    /// SHA-256 of the server's own certificate, as browsers and `openssl x509 -fingerprint` show it, without colons.
    pub(super) fn fingerprint(&self) -> &str {
        &self.health.fingerprint
    }

    /// Reads certificate and key and puts them together.
    ///
    /// # Errors
    /// If a file cannot be read, or the key does not belong to the certificate.
    pub(crate) fn read(https: &Https) -> Result<Self, Problem> {
        let doing = format!("read the certificate {}", https.certificate.display());
        let chain = CertificateDer::pem_file_iter(&https.certificate)
            .doing(&doing)?
            .collect::<Result<Vec<_>, _>>()
            .doing(&doing)?;
        let own = chain.first().map_or(&[][..], |certificate| certificate);
        let fingerprint = hex::encode(digest::digest(&digest::SHA256, own));
        let health = CertificateHealth { fingerprint, ends: ends(own) };
        let key =
            PrivateKeyDer::from_pem_file(&https.key).doing(format_args!("read the key {}", https.key.display()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .doing("set up TLS")?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .doing(format_args!("use {} with {}", https.certificate.display(), https.key.display()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), health })
    }
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Context-specific, constructed, number 0: the version, which may be left out.
const VERSION: u8 = 0xa0;

/// When a certificate ends: its `notAfter` (RFC 5280 section 4.1). Nothing if it is not built like one.
fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = inside(SEQUENCE, certificate)?;
    let (fields, _) = inside(SEQUENCE, certificate)?;
    let fields = inside(VERSION, fields).map_or(fields, |(_, rest)| rest);
    // Serial number, signature algorithm and issuer come before the validity.
    let fields = (0..3).try_fold(fields, |fields, _| element(fields).map(|(_, _, rest)| rest))?;
    let (validity, _) = inside(SEQUENCE, fields)?;
    let (_, _, not_after) = element(validity)?;
    let (tag, text, _) = element(not_after)?;
    let text = std::str::from_utf8(text).ok()?;
    let (year, rest) = match tag {
        // Two digits mean 1950 to 2049 (section 4.1.2.5.1).
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: u16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    let at: jiff::Timestamp = format!("{year:04}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// What an element of this kind holds, and what comes after it.
fn inside(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// The first element in DER (X.690): its tag, its content, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_and_nonsense_has_none() {
        // The first is written with two digits of the year, the second with four.
        for (year, end) in [(2031, "2031-02-03T00:00:00.000Z"), (2064, "2064-02-03T00:00:00.000Z")] {
            let mut params = rcgen::CertificateParams::new(vec!["portal.example.com".to_owned()]).expect("a name");
            params.not_after = rcgen::date_time_ymd(year, 2, 3);
            let key = rcgen::KeyPair::generate().expect("a key");
            let made = params.self_signed(&key).expect("a certificate");
            let der = made.der();
            assert_eq!(ends(der).map(|end| end.to_string()).as_deref(), Some(end));
            // One that was cut has an end or none; nothing else happens.
            assert!((0..der.len()).filter_map(|length| ends(&der[..length])).all(|cut| cut.to_string() == end));
        }
        assert_eq!(ends(b""), None);
        assert_eq!(ends(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff, 0]), None);
    }
}
