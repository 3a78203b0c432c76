//! SSH keys and certificates of people: what opens an account, whose word is taken for it, and what is revoked
//! (OpenSSH's PROTOCOL.certkeys).

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Gate;
use super::login::normal;
use crate::names::{AddressRange, Timestamp};
use crate::practice::{Account, key_fingerprint};

/// The only command that there is to force.
const SFTP: &str = "internal-sftp";
/// A critical option: the security key must know by a PIN or a finger who is there.
const VERIFY_REQUIRED: &str = "verify-required";
/// An extension: the security key may sign though nobody touches it.
const NO_TOUCH_REQUIRED: &str = "no-touch-required";
/// Of an authority's name for a certificate, what the record takes.
const MAX_TOLD: usize = 100;

/// What an SSH client has proven to have. The SSH layer has verified the signature, and that of a certificate, too.
#[derive(Debug, Clone)]
pub struct SshKey {
    /// What it is.
    pub shown: ShownKey,
    /// What the key's device said when it signed, if it is a security key.
    pub said: Option<SecurityKey>,
}

/// A key, or one with a certificate.
#[derive(Debug, Clone)]
pub enum ShownKey {
    /// A key, in SSH wire encoding, which opens the account that has it.
    Own(Arc<[u8]>),
    /// A key that an authority has certified, which opens the accounts that the certificate names.
    Certified(Arc<UserCertificate>),
}

/// What a security key says, under its signature, of the person who was there (PROTOCOL.u2f, "SSH U2F signatures").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityKey {
    /// Somebody touched it.
    pub touched: bool,
    /// It knew who, by a PIN or a finger.
    pub verified: bool,
}

/// A certificate that the SSH layer has read. Keys are told by their fingerprints, as `ssh-keygen -l` prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCertificate {
    /// Of the key that signed it.
    pub authority: String,
    /// True if it was signed in a way that is not taken here, with SHA-1 for one.
    pub is_weak: bool,
    /// Of the certified key.
    pub key: String,
    /// False for a host's.
    pub of_user: bool,
    /// The authority's number for it; zero if it has none.
    pub serial: u64,
    /// The authority's name for it.
    pub key_id: String,
    /// The logins that it is good for.
    pub principals: Vec<String>,
    /// Seconds since 1970: good from here ...
    pub valid_after: u64,
    /// ... and until before here.
    pub valid_before: u64,
    /// What must be understood and obeyed: names and values.
    pub critical: Vec<(String, String)>,
    /// What may be granted: names. Most mean what there is none of here, such as terminals.
    pub extensions: Vec<String>,
}

/// Whose certificates open accounts, and what opens none any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshTrust {
    /// The authorities' keys, by their fingerprints.
    pub authorities: HashSet<String>,
    /// What is revoked, whoever's it was.
    pub revoked: RevokedKeys,
}

/// What is revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevokedKeys {
    /// Keys, by their fingerprints: people's own, certified ones, authorities'.
    pub keys: HashSet<String>,
    /// Certificates of all authorities, by their numbers.
    pub serials: Vec<RangeInclusive<u64>>,
    /// Certificates of all authorities, by their names.
    pub ids: HashSet<String>,
    /// Certificates of the authority with this fingerprint.
    pub certificates: HashSet<(String, CertificateName)>,
}

/// By what an authority tells its certificates apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CertificateName {
    /// Its number.
    Serial(u64),
    /// Its name, where it is not numbered.
    Id(String),
}

impl CertificateName {
    /// As OpenSSH does it: the number, unless that is zero.
    pub fn new(serial: u64, key_id: &str) -> Self {
        if serial == 0 { Self::Id(key_id.to_owned()) } else { Self::Serial(serial) }
    }
}

impl SshKey {
    /// Whether it can be this account's at all.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        match &self.shown {
            ShownKey::Own(key) => account.has_key(key),
            ShownKey::Certified(shown) => shown.names(&account.login),
        }
    }

    /// Why it opens nothing, or not this login from there now; for the record alone. Whether one of an account's own keys must
    /// know who is there, only the account can tell.
    pub(super) fn refusal(
        &self,
        trust: &SshTrust,
        account: Option<&Account>,
        login: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Option<&'static str> {
        let (refused, asked) = match &self.shown {
            ShownKey::Own(key) => {
                let revoked = trust.revoked.keys.contains(&key_fingerprint(key));
                let asked = Asked { touch: true, person: account.is_some_and(|account| account.verifies(key)) };
                (revoked.then_some("the key is revoked"), asked)
            }
            ShownKey::Certified(shown) => (trust.refusal(shown, login, peer, now), shown.asked()),
        };
        refused.or_else(|| asked.refusal(self.said))
    }

    /// When it ends, if it ever does.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        let ShownKey::Certified(shown) = &self.shown else { return None };
        let millis = i64::try_from(shown.valid_before).ok()?.checked_mul(1000)?;
        Some(Timestamp::from_millis(millis))
    }

    /// What the record says of it: which certificate of whose it was.
    pub(super) fn told(&self) -> Option<String> {
        let ShownKey::Certified(shown) = &self.shown else { return None };
        let id: String = shown.key_id.chars().filter(|c| !c.is_control()).take(MAX_TOLD).collect();
        Some(format!("certificate {id:?}, serial {}, of {}", shown.serial, shown.authority))
    }
}

/// What a security key must have said, as sshd has it by default.
struct Asked {
    touch: bool,
    person: bool,
}

impl Asked {
    fn refusal(&self, said: Option<SecurityKey>) -> Option<&'static str> {
        if self.person && !said.is_some_and(|said| said.verified) {
            return Some("no PIN or finger was asked for by the security key");
        }
        (self.touch && said.is_some_and(|said| !said.touched)).then_some("the security key was not touched")
    }
}

impl UserCertificate {
    /// One without principals would be good for everybody, and is for nobody.
    fn names(&self, login: &str) -> bool {
        self.principals.iter().any(|principal| normal(principal) == login)
    }

    fn asked(&self) -> Asked {
        Asked {
            touch: !self.extensions.iter().any(|extension| extension == NO_TOUCH_REQUIRED),
            person: self.critical.iter().any(|(option, _)| option == VERIFY_REQUIRED),
        }
    }
}

impl SshTrust {
    fn refusal(&self, shown: &UserCertificate, login: &str, peer: IpAddr, now: Timestamp) -> Option<&'static str> {
        let now = u64::try_from(now.as_seconds()).unwrap_or(0);
        if !self.authorities.contains(&shown.authority) {
            return Some("certificate of an authority that is not trusted");
        }
        if shown.is_weak {
            return Some("certificate with a weak signature");
        }
        if !shown.of_user {
            return Some("certificate of a host");
        }
        if !(shown.valid_after..shown.valid_before).contains(&now) {
            return Some("certificate not valid yet, or not any more");
        }
        if self.revoked.has(shown) {
            return Some("certificate is revoked");
        }
        if !shown.names(login) {
            return Some("certificate for another login");
        }
        shown.critical.iter().find_map(|(option, value)| match option.as_str() {
            "source-address" => (!in_ranges(value, peer)).then_some("certificate for another address"),
            "force-command" => (value != SFTP).then_some("certificate for another command than SFTP"),
            // Obeyed by what the security key said: `UserCertificate::asked`.
            VERIFY_REQUIRED => None,
            _ => Some("certificate with a critical option that is not known here"),
        })
    }
}

impl RevokedKeys {
    fn has(&self, shown: &UserCertificate) -> bool {
        let named = (shown.authority.clone(), CertificateName::new(shown.serial, &shown.key_id));
        self.keys.contains(&shown.key)
            || self.keys.contains(&shown.authority)
            || self.ids.contains(&shown.key_id)
            || self.serials.iter().any(|serials| serials.contains(&shown.serial))
            || self.certificates.contains(&named)
    }
}

/// A list that cannot be read in full lets nobody in.
fn in_ranges(list: &str, peer: IpAddr) -> bool {
    let ranges: Result<Vec<AddressRange>, _> = list.split(',').map(str::parse).collect();
    ranges.is_ok_and(|ranges| ranges.iter().any(|range| range.contains(peer)))
}

impl Gate {
    /// Puts other authorities and revocations in force. Sessions that were opened by what they refuse end.
    pub fn set_ssh_trust(&self, trust: SshTrust) {
        self.ssh_trust.store(Arc::new(trust));
        for session in self.live_sessions() {
            self.end_if_revoked(&session);
        }
        self.tell_of_losses();
    }

    /// Whose certificates open accounts, and what is revoked.
    pub fn ssh_trust(&self) -> Arc<SshTrust> {
        self.ssh_trust.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> UserCertificate {
        UserCertificate {
            authority: "SHA256:authority".to_owned(),
            is_weak: false,
            key: "SHA256:key".to_owned(),
            of_user: true,
            serial: 7,
            key_id: "laptop".to_owned(),
            principals: vec!["Client.One@example.com".to_owned()],
            valid_after: 0,
            valid_before: u64::MAX,
            critical: Vec::new(),
            extensions: vec!["permit-pty".to_owned()],
        }
    }

    fn judged(shown: UserCertificate, revoked: RevokedKeys, said: Option<SecurityKey>) -> Option<&'static str> {
        let trust = SshTrust { authorities: ["SHA256:authority".to_owned()].into(), revoked };
        let (peer, now) = (IpAddr::from([192, 0, 2, 7]), Timestamp::from_millis(1_000_000));
        let key = SshKey { shown: ShownKey::Certified(shown.into()), said };
        key.refusal(&trust, None, "client.one@example.com", peer, now)
    }

    fn refused(shown: UserCertificate, revoked: RevokedKeys) -> Option<&'static str> {
        judged(shown, revoked, None)
    }

    #[test]
    fn a_certificate_is_good_for_whom_when_and_where_it_says() {
        let with = |option: &str, value: &str| UserCertificate {
            critical: vec![(option.to_owned(), value.to_owned())],
            ..certificate()
        };
        for good in [
            certificate(),
            UserCertificate { valid_after: 1000, valid_before: 1001, ..certificate() },
            with("source-address", "198.51.100.0/24,192.0.2.0/24"),
            with("force-command", "internal-sftp"),
        ] {
            assert_eq!(refused(good.clone(), RevokedKeys::default()), None, "{good:?}");
        }
        for (why, bad) in [
            ("not trusted", UserCertificate { authority: "SHA256:other".to_owned(), ..certificate() }),
            ("weak", UserCertificate { is_weak: true, ..certificate() }),
            ("host", UserCertificate { of_user: false, ..certificate() }),
            ("not valid", UserCertificate { valid_after: 1001, ..certificate() }),
            ("not valid", UserCertificate { valid_before: 1000, ..certificate() }),
            ("another login", UserCertificate { principals: Vec::new(), ..certificate() }),
            ("another login", UserCertificate { principals: vec!["*".to_owned()], ..certificate() }),
            ("another address", with("source-address", "198.51.100.0/24")),
            ("another address", with("source-address", "192.0.2.0/24,nowhere")),
            ("another command", with("force-command", "/bin/sh")),
            ("not known here", with("colour@example.com", "red")),
            ("PIN or finger", with("verify-required", "")),
        ] {
            let told = refused(bad.clone(), RevokedKeys::default());
            assert!(told.is_some_and(|told| told.contains(why)), "{why}: {told:?} of {bad:?}");
        }
    }

    #[test]
    fn a_security_key_must_have_been_touched_and_have_known_its_owner_where_its_certificate_says_so() {
        let verifying =
            UserCertificate { critical: vec![("verify-required".to_owned(), String::new())], ..certificate() };
        let untouched = UserCertificate { extensions: vec!["no-touch-required".to_owned()], ..certificate() };
        for (shown, touched, verified, why) in [
            (certificate(), true, false, None),
            (certificate(), false, false, Some("touched")),
            (certificate(), false, true, Some("touched")),
            (untouched.clone(), false, false, None),
            (verifying.clone(), true, true, None),
            (verifying.clone(), true, false, Some("PIN or finger")),
            (verifying, false, true, Some("touched")),
        ] {
            let said = Some(SecurityKey { touched, verified });
            let told = judged(shown.clone(), RevokedKeys::default(), said);
            assert_eq!(told.is_some(), why.is_some(), "{told:?} of {said:?}, {shown:?}");
            assert!(why.is_none_or(|why| told.is_some_and(|told| told.contains(why))), "{told:?} of {said:?}");
        }
    }

    #[test]
    fn what_is_revoked_is_found_by_key_authority_number_and_name() {
        let of = |authority: &str, serial, id| {
            let named = (authority.to_owned(), CertificateName::new(serial, id));
            RevokedKeys { certificates: [named].into(), ..RevokedKeys::default() }
        };
        for revoked in [
            RevokedKeys { keys: ["SHA256:key".to_owned()].into(), ..RevokedKeys::default() },
            RevokedKeys { keys: ["SHA256:authority".to_owned()].into(), ..RevokedKeys::default() },
            RevokedKeys { serials: vec![1..=2, 5..=7], ..RevokedKeys::default() },
            RevokedKeys { ids: ["laptop".to_owned()].into(), ..RevokedKeys::default() },
            of("SHA256:authority", 7, "any"),
        ] {
            assert_eq!(refused(certificate(), revoked.clone()), Some("certificate is revoked"), "{revoked:?}");
        }
        for other in [of("SHA256:other", 7, "laptop"), of("SHA256:authority", 0, "laptop")] {
            assert_eq!(refused(certificate(), other.clone()), None, "{other:?}");
        }
        let unnumbered = UserCertificate { serial: 0, ..certificate() };
        assert!(refused(unnumbered, of("SHA256:authority", 0, "laptop")).is_some());
    }
}
