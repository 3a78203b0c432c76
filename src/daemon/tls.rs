//! TLS for the WebDAV listener: versions 1.2 and 1.3, X25519MLKEM768 first (the provider prefers it), HTTP/2 and HTTP/1.1.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::cli::{Doing as _, Problem};
use crate::config::Https;

/// Reads certificate and key and puts them together.
///
/// # Errors
/// If a file cannot be read, or the key does not belong to the certificate.
pub(crate) fn tls_config(https: &Https) -> Result<Arc<ServerConfig>, Problem> {
    let doing = format!("read the certificate {}", https.certificate.display());
    let chain = CertificateDer::pem_file_iter(&https.certificate)
        .doing(&doing)?
        .collect::<Result<Vec<_>, _>>()
        .doing(&doing)?;
    let key = PrivateKeyDer::from_pem_file(&https.key).doing(format_args!("read the key {}", https.key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .doing("set up TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .doing(format_args!("use {} with {}", https.certificate.display(), https.key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
