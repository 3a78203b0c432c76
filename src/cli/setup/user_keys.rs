//! The files that say something of people's SSH keys: authorities, and what is revoked. They are those of OpenSSH's `sshd`
//! (`TrustedUserCAKeys`, `RevokedKeys`), the latter as text.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

use crate::cli::problem::{Doing as _, Problem};
use crate::config::UserKeys;
use crate::gate::{CertificateName, RevokedKeys, SshTrust};

/// Some 10,000 revoked keys, or many more numbers of certificates.
const MAX_FILE_BYTES: u64 = 8 << 20;
const MIN_RSA_BITS: u32 = 2048;
/// How a list starts that `ssh-keygen -k` has made (OpenSSH's PROTOCOL.krl).
const BINARY_LIST: &[u8] = b"SSHKRL\n\0";

/// What these files say. Blocks.
///
/// # Errors
/// The first mistake, with its line.
pub(crate) fn read_ssh_trust(files: &UserKeys) -> Result<SshTrust, Problem> {
    let mut trust = SshTrust::default();
    if let Some(file) = &files.trusted_user_ca_keys {
        trust.authorities = read(file, authority)?;
        if trust.authorities.is_empty() {
            return Err(Problem::usage(format_args!("there is no public key in {}", file.display())));
        }
    }
    if let Some(file) = &files.revoked_keys {
        trust.revoked = read(file, revoked)?;
    }
    Ok(trust)
}

/// Reads a file line by line, without comments and empty lines.
fn read<T: Default>(file: &Path, mut take: impl FnMut(&mut T, &str) -> Option<()>) -> Result<T, Problem> {
    let text = read_text(file)?;
    let mut all = T::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() && take(&mut all, line).is_none() {
            return Err(Problem::usage(format_args!(
                "{}, line {}: this is none of what may stand there; the README says what does (\"SSH certificates\")",
                file.display(),
                at + 1
            )));
        }
    }
    Ok(all)
}

fn read_text(file: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    read.doing(format_args!("read {}", file.display()))?;
    let wrong = |why: &str| Err(Problem::usage(format_args!("{}: {why}", file.display())));
    if bytes.starts_with(BINARY_LIST) {
        return wrong("this is a list that `ssh-keygen -k` has made; name the text from which it was made");
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return wrong("longer than 8 MiB");
    }
    String::from_utf8(bytes).or_else(|_| wrong("this is no text"))
}

fn authority(all: &mut HashSet<String>, line: &str) -> Option<()> {
    let key = PublicKey::from_openssh(line).ok()?;
    let is_strong = match key.algorithm() {
        Algorithm::Rsa { .. } => key.key_data().rsa()?.key_size() >= MIN_RSA_BITS,
        Algorithm::Dsa | Algorithm::Other(_) => false,
        _ => true,
    };
    all.insert(fingerprint(&key));
    is_strong.then_some(())
}

/// A line of what `ssh-keygen -k` reads, or of `RevokedKeys`.
fn revoked(all: &mut RevokedKeys, line: &str) -> Option<()> {
    let (kind, what) = line.split_once(':').filter(|(kind, _)| !kind.contains(' ')).unwrap_or(("key", line));
    let what = what.trim();
    match kind {
        "serial" => {
            let (first, last) = what.split_once('-').unwrap_or((what, what));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then(|| all.serials.push(first..=last))?;
        }
        "id" if !what.is_empty() => {
            all.ids.insert(what.to_owned());
        }
        "hash" if what.starts_with("SHA256:") => {
            all.keys.insert(what.trim_end_matches('=').to_owned());
        }
        "key" if is_certificate(what) => {
            let certificate = Certificate::from_openssh(what).ok()?;
            let authority = fingerprint(&PublicKey::from(certificate.signature_key().clone()));
            let name = CertificateName::new(certificate.serial(), certificate.key_id());
            all.certificates.insert((authority, name));
        }
        "key" | "sha256" => {
            all.keys.insert(fingerprint(&PublicKey::from_openssh(what).ok()?));
        }
        _ => return None,
    }
    Some(())
}

fn is_certificate(line: &str) -> bool {
    line.split(' ').next().is_some_and(|algorithm| algorithm.ends_with("-cert-v01@openssh.com"))
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn from(text: &[u8], of: fn(std::path::PathBuf) -> UserKeys) -> Result<SshTrust, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("list");
        std::fs::write(&file, text).expect("written");
        read_ssh_trust(&of(file)).map_err(|problem| problem.message)
    }

    fn revoked_in(text: &[u8]) -> Result<RevokedKeys, String> {
        from(text, |file| UserKeys { revoked_keys: Some(file), ..UserKeys::default() }).map(|trust| trust.revoked)
    }

    #[test]
    fn a_list_of_what_is_revoked_is_read_as_ssh_keygen_reads_it() {
        let text =
            format!("# lost\n{KEY} laptop # of client one\nkey: {KEY}\nserial: 7-9\n\nserial:12\nid: old phone\n");
        let read = revoked_in(format!("{text}hash: SHA256:abc=\n").as_bytes()).expect("a list");
        assert_eq!(read.serials, [7..=9, 12..=12]);
        assert!(read.ids.contains("old phone") && read.keys.contains("SHA256:abc") && read.keys.len() == 2, "{read:?}");
        for wrong in ["serial: x", "serial: 9-5", "id:", "7", "hash: MD5:abc", "ssh-ed25519 AAAA", "colour: red"] {
            let told = revoked_in(format!("# list\n{wrong}").as_bytes()).expect_err(wrong);
            assert!(told.contains("list, line 2: "), "{told}");
        }
        assert!(revoked_in(b"SSHKRL\n\0\0\0\0\x01").expect_err("binary").contains("`ssh-keygen -k` has made"));
        assert!(revoked_in(&[0xff, 0xfe]).expect_err("no text").contains("no text"));
    }

    #[test]
    fn authorities_are_strong_public_keys_and_at_least_one() {
        let read = |text: &str| {
            from(text.as_bytes(), |file| UserKeys { trusted_user_ca_keys: Some(file), ..UserKeys::default() })
        };
        assert_eq!(read(&format!("# ours\n{KEY}\n\n")).expect("a key").authorities.len(), 1);
        assert!(read("# none\n").expect_err("none").contains("no public key"));
        assert!(read(&format!("{KEY}\nssh-rsa AAAA\n")).expect_err("damaged").contains("line 2"));
    }
}
