//! SSH keys in OpenSSH format: the host's, and those that the demo hands to its accounts.

use std::path::{Path, PathBuf};

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, RsaKeypair};
use russh::keys::{Algorithm, PrivateKey, PublicKey};

use super::files::write_private;
use crate::cli::problem::{Doing as _, Problem};

/// What `ssh-keygen -A` has made by default since OpenSSH 7.7, and what NIST SP 800-57 asks until 2030.
const RSA_BITS: usize = 3072;

/// Makes the two host keys that are not there yet: ed25519, and rsa-3072 for clients that are old.
pub(crate) fn make_host_keys(folder: &Path) -> Result<(), Problem> {
    type Make = fn() -> Result<PrivateKey, Problem>;
    let kinds: [(&str, Make); 2] = [
        ("ssh_host_ed25519_key", || Ok(Ed25519Keypair::random(&mut safe_rng()).into())),
        ("ssh_host_rsa_key", || {
            Ok(RsaKeypair::random(&mut safe_rng(), RSA_BITS).doing("make an RSA host key")?.into())
        }),
    ];
    for (name, make) in kinds {
        let path = folder.join(name);
        if !path.exists() {
            save(&path, make()?)?;
        }
    }
    Ok(())
}

/// Makes a key pair for a person or a script at `path`, or reads the one that is there. Returns its public half as the
/// one line that `authorized_keys` has.
pub(crate) fn make_user_key(path: &Path, comment: &str) -> Result<String, Problem> {
    if !path.exists() {
        let mut key = PrivateKey::from(Ed25519Keypair::random(&mut safe_rng()));
        key.set_comment(comment);
        save(path, key)?;
    }
    let text = std::fs::read(path).doing(format_args!("read {}", path.display()))?;
    let key = PrivateKey::from_openssh(text).doing(format_args!("read {}", path.display()))?;
    key.public_key().to_openssh().doing("write a public key")
}

/// The host keys in these files.
///
/// # Errors
/// Also for keys of other kinds than [`make_host_keys`] makes: russh would offer whatever it is given.
pub(crate) fn read_host_keys(files: &[PathBuf]) -> Result<Vec<PrivateKey>, Problem> {
    let read = |path: &PathBuf| {
        let doing = format!("read the host key {}", path.display());
        let text = zeroize::Zeroizing::new(std::fs::read(path).doing(&doing)?);
        let key = PrivateKey::from_openssh(&*text).doing(doing)?;
        if is_strong(&key) {
            return Ok(key);
        }
        Err(Problem::usage(format_args!(
            "the host key {} is neither ed25519 nor RSA of at least {RSA_BITS} bits; take it out of `sftp.host_keys`, or make \
             another with `ssh-keygen -t ed25519`",
            path.display()
        )))
    };
    files.iter().map(read).collect()
}

fn is_strong(key: &PrivateKey) -> bool {
    match key.algorithm() {
        Algorithm::Ed25519 => true,
        Algorithm::Rsa { .. } => key
            .public_key()
            .key_data()
            .rsa()
            .is_some_and(|rsa| usize::try_from(rsa.key_size()).is_ok_and(|bits| bits >= RSA_BITS)),
        _ => false,
    }
}

/// The public halves of the host keys in these files.
pub(crate) fn host_public_keys(files: &[PathBuf]) -> Result<Vec<PublicKey>, Problem> {
    Ok(read_host_keys(files)?.iter().map(|key| key.public_key().clone()).collect())
}

fn save(path: &Path, key: PrivateKey) -> Result<(), Problem> {
    let text = key.to_openssh(LineEnding::LF).doing("write a private key")?;
    write_private(path, text.as_bytes()).doing(format_args!("write {}", path.display()))
}
