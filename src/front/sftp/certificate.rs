//! A certificate as SSH has it, in words that the gate judges.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey};

use super::algorithms;
use crate::gate::UserCertificate;

pub(super) fn read(shown: &Certificate) -> UserCertificate {
    let authority = PublicKey::from(shown.signature_key().clone());
    UserCertificate {
        authority: authority.fingerprint(HashAlg::Sha256).to_string(),
        is_weak: !algorithms::may_certify(&authority, &shown.signature().algorithm()),
        key: shown.public_key().fingerprint(HashAlg::Sha256).to_string(),
        of_user: shown.cert_type() == CertType::User,
        serial: shown.serial(),
        key_id: shown.key_id().to_owned(),
        principals: shown.valid_principals().to_vec(),
        valid_after: shown.valid_after(),
        valid_before: shown.valid_before(),
        critical: shown.critical_options().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        extensions: shown.extensions().keys().cloned().collect(),
    }
}
