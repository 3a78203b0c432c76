//! The keystore on disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::x25519;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::firm::Firm;
use super::locked::Locked;
use super::{Error, MatterKey, files};
use crate::names::MatterId;

/// How many matters' keys stay in memory; one more pushes out the one that was used longest ago.
const CACHED_MATTERS: usize = 256;

const FIRM_FILE: &str = "firm.key";
const RECOVERY_FILE: &str = "recovery.pub";
const RECOVERY_PURPOSE: &str = "recovery";
const MATTERS_DIR: &str = "matters";
/// Purposes of the 32-byte secrets; each is also its file's name.
const CATALOG_SEAL: &str = "catalog-seal";
const CATALOG_NAMES: &str = "catalog-names";
const AUDIT_SIGNING: &str = "audit-signing";
const AUDIT_BODY: &str = "audit-body";
const AUDIT_TAG: &str = "audit-tag";

/// The secrets of the audit log.
pub struct AuditSecrets {
    /// The seed of the Ed25519 key that signs checkpoints (RFC 8032 section 5.1.5).
    pub signing_seed: Zeroizing<[u8; 32]>,
    /// The key that seals the bodies of records.
    pub body_key: Zeroizing<[u8; 32]>,
    /// The key of the blinded matter tags in leaves.
    pub tag_key: Zeroizing<[u8; 32]>,
}

/// All keys of a firm, opened.
pub struct Keyring {
    dir: PathBuf,
    firm: Firm,
    recovery: Option<x25519::Recipient>,
    secrets: Locked<Secrets>,
    matters: Mutex<Cache>,
    /// Held while a matter's key is made, so that two calls cannot both find the name free.
    making: Mutex<()>,
}

/// The secrets of 32 bytes.
struct Secrets {
    catalog_seal: Zeroizing<[u8; 32]>,
    catalog_names: Zeroizing<[u8; 32]>,
    audit: AuditSecrets,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<MatterId, (Arc<MatterKey>, u64)>,
    clock: u64,
}

impl Keyring {
    /// Makes the keys of a new firm in `dir` (the `keys` directory itself). Matter keys will also be encrypted to
    /// `recovery`, whose identity the firm keeps offline.
    ///
    /// The firm identity is written last: if it is there, everything is.
    pub fn create(dir: &Path, recovery: Option<x25519::Recipient>) -> Result<Self, Error> {
        let firm_path = dir.join(FIRM_FILE);
        if firm_path.exists() {
            return Err(Error::Exists(firm_path));
        }
        files::make_dir(dir)?;
        files::make_dir(&dir.join(MATTERS_DIR))?;
        let firm = Firm::generate();
        for purpose in [CATALOG_SEAL, CATALOG_NAMES, AUDIT_SIGNING, AUDIT_BODY, AUDIT_TAG] {
            let mut secret = Zeroizing::new([0u8; 32]);
            getrandom::fill(&mut *secret).expect("the operating system gives random bytes");
            let line = Zeroizing::new(hex::encode(*secret));
            firm.seal(&secret_path(dir, purpose), purpose, &line, None)?;
        }
        if let Some(recipient) = &recovery {
            let text = firm.tagged(RECOVERY_PURPOSE, &recipient.to_string());
            files::write_durably(&dir.join(RECOVERY_FILE), text.as_bytes())?;
        }
        firm.save(&firm_path)?;
        Self::with_firm(dir, firm)
    }

    /// Opens the keys in `dir` with the firm identity: the systemd credential `firm.key` if this process was given one,
    /// else the file that lies there.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        match Self::credential() {
            Some(credential) => Self::with_firm(dir, Firm::load_credential(&credential)?),
            None => Self::open_with(dir, &dir.join(FIRM_FILE)),
        }
    }

    /// Where the service manager put the firm identity (`LoadCredential=firm.key:...`), if it did.
    pub fn credential() -> Option<PathBuf> {
        let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(FIRM_FILE);
        path.exists().then_some(path)
    }

    /// Opens the keys in `dir` with a firm identity kept elsewhere, on removable media for instance.
    pub fn open_with(dir: &Path, firm_identity: &Path) -> Result<Self, Error> {
        Self::with_firm(dir, Firm::load(firm_identity)?)
    }

    fn with_firm(dir: &Path, firm: Firm) -> Result<Self, Error> {
        let secret = |purpose| {
            let path = secret_path(dir, purpose);
            let line = firm.open(&path, purpose)?;
            let mut bytes = Zeroizing::new([0u8; 32]);
            hex::decode_to_slice(line.as_bytes(), &mut *bytes)
                .map_err(|_| Error::Damaged { path, what: "not a secret of 32 bytes" })?;
            Ok::<_, Error>(bytes)
        };
        Ok(Self {
            secrets: Locked::new(Secrets {
                catalog_seal: secret(CATALOG_SEAL)?,
                catalog_names: secret(CATALOG_NAMES)?,
                audit: AuditSecrets {
                    signing_seed: secret(AUDIT_SIGNING)?,
                    body_key: secret(AUDIT_BODY)?,
                    tag_key: secret(AUDIT_TAG)?,
                },
            }),
            recovery: load_recovery(dir, &firm)?,
            dir: dir.to_owned(),
            firm,
            matters: Mutex::default(),
            making: Mutex::new(()),
        })
    }

    /// Whether the kernel keeps the firm identity and the secrets out of swap; false if RLIMIT_MEMLOCK has no room.
    pub fn is_locked(&self) -> bool {
        self.firm.is_locked() && self.secrets.is_locked()
    }

    /// The catalog's keys: the one that seals values, and the one under which names become HMACs.
    pub fn catalog_keys(&self) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
        (self.secrets.catalog_seal.clone(), self.secrets.catalog_names.clone())
    }

    /// The audit log's keys.
    pub fn audit_keys(&self) -> AuditSecrets {
        let audit = &self.secrets.audit;
        AuditSecrets {
            signing_seed: audit.signing_seed.clone(),
            body_key: audit.body_key.clone(),
            tag_key: audit.tag_key.clone(),
        }
    }

    /// Makes the key of a new matter; it is on disk when this returns.
    pub fn create_matter(&self, matter: MatterId) -> Result<(), Error> {
        let _making = self.making.lock();
        let path = self.matter_path(matter);
        if path.exists() {
            return Err(Error::Exists(path));
        }
        let key = MatterKey::generate();
        self.firm.seal(&path, &matter_purpose(matter), &key.to_text(), self.recovery.as_ref())
    }

    /// The key of a matter.
    pub fn matter(&self, matter: MatterId) -> Result<Arc<MatterKey>, Error> {
        if let Some(key) = self.matters.lock().get(&matter) {
            return Ok(key);
        }
        let path = self.matter_path(matter);
        let line = self.firm.open(&path, &matter_purpose(matter)).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Error::NoMatter(matter),
            other => other,
        })?;
        let key =
            MatterKey::from_text(&line).map_err(|_| Error::Damaged { path, what: "not an age X25519 identity" })?;
        let key = Arc::new(key);
        self.matters.lock().insert(matter, Arc::clone(&key));
        Ok(key)
    }

    /// The matter's identity as `AGE-SECRET-KEY-1...`, with which stock `age` opens the matter's blobs.
    pub fn export_matter(&self, matter: MatterId) -> Result<Zeroizing<String>, Error> {
        Ok(self.matter(matter)?.to_text())
    }

    fn matter_path(&self, matter: MatterId) -> PathBuf {
        self.dir.join(MATTERS_DIR).join(format!("{matter}.age"))
    }
}

fn secret_path(dir: &Path, purpose: &str) -> PathBuf {
    dir.join(format!("{purpose}.age"))
}

fn matter_purpose(matter: MatterId) -> String {
    format!("matter {matter}")
}

/// The recovery recipient, authenticated: otherwise whoever can write this one file could have every new matter's key
/// encrypted to themselves.
fn load_recovery(dir: &Path, firm: &Firm) -> Result<Option<x25519::Recipient>, Error> {
    let path = dir.join(RECOVERY_FILE);
    let content = match files::read(&path) {
        Ok(content) => content,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let recipient = std::str::from_utf8(&content)
        .ok()
        .and_then(|text| firm.untagged(RECOVERY_PURPOSE, text))
        .and_then(|line| line.parse().ok());
    recipient.map(Some).ok_or(Error::Damaged { path, what: "not the recovery recipient that this firm chose" })
}

impl Cache {
    fn get(&mut self, matter: &MatterId) -> Option<Arc<MatterKey>> {
        self.clock += 1;
        let (key, used) = self.keys.get_mut(matter)?;
        *used = self.clock;
        Some(Arc::clone(key))
    }

    fn insert(&mut self, matter: MatterId, key: Arc<MatterKey>) {
        if self.keys.len() >= CACHED_MATTERS && !self.keys.contains_key(&matter) {
            let oldest = self.keys.iter().min_by_key(|(_, (_, used))| *used).map(|(matter, _)| *matter);
            oldest.map(|matter| self.keys.remove(&matter));
        }
        self.clock += 1;
        self.keys.insert(matter, (key, self.clock));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    fn fresh() -> (tempfile::TempDir, Keyring) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let keys = Keyring::create(&dir.path().join("keys"), None).expect("a keyring");
        (dir, keys)
    }

    #[test]
    fn what_was_created_opens_to_the_same_keys() {
        let (dir, keys) = fresh();
        let matter = MatterId::random();
        keys.create_matter(matter).expect("a matter key");
        let again = Keyring::open(&dir.path().join("keys")).expect("opens");
        assert_eq!(keys.catalog_keys(), again.catalog_keys());
        assert_eq!(keys.audit_keys().signing_seed, again.audit_keys().signing_seed);
        assert_eq!(keys.export_matter(matter).expect("a key"), again.export_matter(matter).expect("a key"));
        let (seal, names) = keys.catalog_keys();
        assert_ne!(seal, names);
    }

    #[test]
    fn nothing_is_made_twice() {
        let (dir, keys) = fresh();
        assert!(matches!(Keyring::create(&dir.path().join("keys"), None), Err(Error::Exists(_))));
        let matter = MatterId::random();
        keys.create_matter(matter).expect("a matter key");
        assert!(matches!(keys.create_matter(matter), Err(Error::Exists(_))));
    }

    #[test]
    fn an_unknown_matter_has_no_key() {
        let (_dir, keys) = fresh();
        assert!(matches!(keys.matter(MatterId::random()), Err(Error::NoMatter(_))));
    }

    #[test]
    fn a_firm_identity_that_others_can_read_is_refused() {
        let (dir, _keys) = fresh();
        let path = dir.path().join("keys/firm.key");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(matches!(Keyring::open(&dir.path().join("keys")), Err(Error::Exposed(_))));
    }

    #[test]
    fn a_firm_identity_may_lie_elsewhere() {
        let (dir, keys) = fresh();
        let (here, there) = (dir.path().join("keys/firm.key"), dir.path().join("credential"));
        fs::rename(here, &there).expect("moved");
        assert!(Keyring::open(&dir.path().join("keys")).is_err());
        let again = Keyring::open_with(&dir.path().join("keys"), &there).expect("opens");
        assert_eq!(keys.catalog_keys(), again.catalog_keys());
    }

    #[test]
    fn key_files_that_were_swapped_or_forged_are_refused() {
        let (dir, keys) = fresh();
        let (one, two) = (MatterId::random(), MatterId::random());
        keys.create_matter(one).expect("a matter key");
        keys.create_matter(two).expect("a matter key");
        fs::copy(keys.matter_path(one), keys.matter_path(two)).expect("copied");
        assert!(matches!(keys.matter(two), Err(Error::Damaged { .. })));

        // Anybody who knows the firm's recipient can encrypt a key of their own to it.
        let firm = fs::read_to_string(dir.path().join("keys/firm.key")).expect("read");
        let recipient = firm.lines().find_map(|l| l.strip_prefix("# public key: ")).expect("it names the recipient");
        let recipient: x25519::Recipient = recipient.parse().expect("a recipient");
        let planted = age::encrypt(&recipient, MatterKey::generate().to_text().as_bytes()).expect("encrypts");
        fs::write(keys.matter_path(two), planted).expect("written");
        assert!(matches!(keys.matter(two), Err(Error::Damaged { .. })));
        assert!(keys.matter(one).is_ok());
    }

    #[test]
    fn a_recovery_recipient_can_be_used_but_not_planted() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let offline = x25519::Identity::generate();
        Keyring::create(dir.path(), Some(offline.to_public())).expect("a keyring");
        let keys = Keyring::open(dir.path()).expect("opens");
        let matter = MatterId::random();
        keys.create_matter(matter).expect("a matter key");
        let sealed = fs::read(keys.matter_path(matter)).expect("read");
        let text = age::decrypt(&offline, &sealed).expect("the recovery identity opens matter keys");
        assert!(text.starts_with(keys.export_matter(matter).expect("a key").as_bytes()));
        let sealed = fs::read(dir.path().join("catalog-seal.age")).expect("read");
        assert!(age::decrypt(&offline, &sealed).is_err());

        fs::write(dir.path().join(RECOVERY_FILE), x25519::Identity::generate().to_public().to_string())
            .expect("written");
        assert!(matches!(Keyring::open(dir.path()), Err(Error::Damaged { .. })));
    }

    #[test]
    fn stock_age_opens_a_matter_key_with_the_firm_identity() {
        let (dir, keys) = fresh();
        let matter = MatterId::random();
        keys.create_matter(matter).expect("a matter key");
        let output = Command::new("age")
            .args(["-d", "-i"])
            .arg(dir.path().join("keys/firm.key"))
            .arg(keys.matter_path(matter))
            .output()
            .expect("age is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.starts_with(keys.export_matter(matter).expect("a key").as_bytes()));
    }

    #[test]
    fn the_cache_stays_bounded_and_keeps_what_is_used() {
        let mut cache = Cache::default();
        let key = Arc::new(MatterKey::generate());
        let favourite = MatterId::random();
        cache.insert(favourite, Arc::clone(&key));
        for _ in 0..2 * CACHED_MATTERS {
            cache.insert(MatterId::random(), Arc::clone(&key));
            assert!(cache.get(&favourite).is_some());
        }
        assert_eq!(cache.keys.len(), CACHED_MATTERS);
    }
}
