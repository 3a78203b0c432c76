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

/// A certificate with its key, ready to serve with.
pub(crate) struct Certificate {
    config: Arc<ServerConfig>,
    fingerprint: String,
}

/// The certificate in use; every new connection takes it from here.
pub(super) struct Tls {
    config: Arc<ArcSwap<ServerConfig>>,
    fingerprint: Mutex<String>,
}

impl Tls {
    pub(super) fn new(certificate: Certificate) -> Self {
        let Certificate { config, fingerprint } = certificate;
        Self { config: Arc::new(ArcSwap::from(config)), fingerprint: Mutex::new(fingerprint) }
    }

    /// What the listener reads.
    pub(super) fn config(&self) -> Arc<ArcSwap<ServerConfig>> {
        self.config.clone()
    }

    pub(super) fn fingerprint(&self) -> String {
        self.fingerprint.lock().clone()
    }

    /// New connections see this one.
    pub(super) fn change(&self, certificate: Certificate) {
        self.config.store(certificate.config);
        *self.fingerprint.lock() = certificate.fingerprint;
    }
}

impl Certificate {
    /// SHA-256 of the server's own certificate, as browsers and `openssl x509 -fingerprint` show it, without colons.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
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
        Ok(Self { config: Arc::new(config), fingerprint })
    }
}
