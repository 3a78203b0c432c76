//! A certificate for a first start: an authority of its own, and one server certificate from it.
//!
//! The authority's private key is forgotten as soon as it has signed. People are told to make their system trust the
//! authority; without its key, nobody can ever turn that trust against them.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use super::files::write_private;
use crate::cli::problem::{Doing as _, Problem};

/// Apple's systems refuse server certificates from a private authority that live longer than 825 days.
const SERVER_DAYS: i64 = 820;
const AUTHORITY_DAYS: i64 = 3650;

/// Writes `ca.pem`, `server.pem` and `server.key` into the folder unless they are there. The certificate is for localhost,
/// the loopback addresses and `hosts` (names or addresses).
pub(crate) fn make_certificates(folder: &Path, firm: &str, hosts: &[String]) -> Result<(), Problem> {
    let (authority_file, chain_file, key_file) =
        (folder.join("ca.pem"), folder.join("server.pem"), folder.join("server.key"));
    if chain_file.exists() && key_file.exists() {
        return Ok(());
    }
    let authority = authority(firm).doing("make a certificate authority")?;
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    for host in hosts {
        if !names.contains(host) {
            names.push(host.clone());
        }
    }
    let names_text = names.join(", ");
    let (chain, key) = server(names, &authority).doing(format_args!("make a certificate for {names_text}"))?;
    for (path, pem) in [(&authority_file, &authority.pem), (&key_file, &key), (&chain_file, &chain)] {
        write_private(path, pem.as_bytes()).doing(format_args!("write {}", path.display()))?;
    }
    Ok(())
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(firm: &str) -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, firm);
    params.distinguished_name.push(DnType::CommonName, format!("{firm}: Deedbox authority {}", serial()));
    validity(&mut params, AUTHORITY_DAYS);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok(Authority { pem, issuer: Issuer::new(params, key) })
}

fn server(names: Vec<String>, authority: &Authority) -> Result<(String, String), rcgen::Error> {
    let common_name = names.last().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, SERVER_DAYS);
    let key = KeyPair::generate()?;
    let chain = params.signed_by(&key, &authority.issuer)?.pem();
    Ok((chain, key.serialize_pem()))
}

/// Eight random hexadecimal digits: two authorities of one firm must not have one name, or clients mix them up.
fn serial() -> String {
    let mut bytes = [0u8; 4];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    hex::encode(bytes)
}

/// From yesterday, for clients whose clocks are behind.
fn validity(params: &mut CertificateParams, days: i64) {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let date = |distance: i64| {
        let date = today.saturating_add(jiff::Span::new().days(distance));
        let part = |n: i8| u8::try_from(n).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    params.not_before = date(-1);
    params.not_after = date(days);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_certificate_serves_and_is_kept() {
        let dir = tempfile::tempdir().expect("temporary directory");
        make_certificates(dir.path(), "Example Law", &["box.example.com".to_owned()]).expect("made");
        let read = |name: &str| std::fs::read(dir.path().join(name)).expect("written");
        let first = read("server.pem");
        let chain: Vec<_> = {
            use rustls::pki_types::pem::PemObject as _;
            rustls::pki_types::CertificateDer::pem_slice_iter(&first).collect::<Result<_, _>>().expect("certificates")
        };
        let key = {
            use rustls::pki_types::pem::PemObject as _;
            rustls::pki_types::PrivateKeyDer::from_pem_slice(&read("server.key")).expect("a key")
        };
        rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("certificate and key fit");
        make_certificates(dir.path(), "Example Law", &[]).expect("kept");
        assert_eq!(read("server.pem"), first);
    }
}
