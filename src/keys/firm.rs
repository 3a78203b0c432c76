//! The firm identity, and the files that it opens.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::locked::Locked;
use super::{Error, files};

/// Separates this use of the firm identity from every other.
const TAG_DOMAIN: &[u8] = b"deedbox.v1/key-file\0";
/// What stands before the HMAC in a key file's last line; `age` skips lines that start with `#`.
const TAG_PREFIX: &str = "# deedbox ";

/// The identity to which all other keys are encrypted.
pub(super) struct Firm {
    identity: Locked<x25519::Identity>,
    tag_key: hmac::Key,
}

impl Firm {
    /// A new identity, in memory only.
    pub(super) fn generate() -> Self {
        Self::new(x25519::Identity::generate())
    }

    fn new(identity: x25519::Identity) -> Self {
        let tag_key = hmac::Key::new(hmac::HMAC_SHA256, identity.to_string().expose_secret().as_bytes());
        Self { identity: Locked::new(identity), tag_key }
    }

    /// Whether the kernel keeps the identity out of swap.
    pub(super) fn is_locked(&self) -> bool {
        self.identity.is_locked()
    }

    /// Reads an identity file as `age-keygen` writes it: comment lines and one identity. Nobody but its owner may have
    /// access to it.
    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        Self::load_unless(path, 0o077)
    }

    /// Reads the identity from a systemd credential. It belongs to root, and the service's user reads it by an access
    /// control list, which shows as a right of the group; the directory above is closed to everybody else.
    pub(super) fn load_credential(path: &Path) -> Result<Self, Error> {
        Self::load_unless(path, 0o037)
    }

    fn load_unless(path: &Path, exposed: u32) -> Result<Self, Error> {
        let metadata = std::fs::metadata(path).map_err(files::io_error(path))?;
        if metadata.permissions().mode() & exposed != 0 {
            return Err(Error::Exposed(path.to_owned()));
        }
        let content = files::read(path)?;
        let damaged = |what| Error::Damaged { path: path.to_owned(), what };
        let text = std::str::from_utf8(&content).map_err(|_| damaged("not an age identity file"))?;
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (Some(line), None) => {
                line.trim_end().parse().map(Self::new).map_err(|_| damaged("not an age X25519 identity"))
            }
            _ => Err(damaged("an identity file holds exactly one identity")),
        }
    }

    /// Writes the identity file.
    pub(super) fn save(&self, path: &Path) -> Result<(), Error> {
        let secret = self.identity.to_string();
        let text = Zeroizing::new(format!(
            "# The firm identity: whoever has it opens everything. Keep a copy offline.\n# public key: {}\n{}\n",
            self.identity.to_public(),
            secret.expose_secret()
        ));
        files::write_durably(path, text.as_bytes())
    }

    /// Writes one line of text as an age file to the firm and perhaps the recovery recipient, with the HMAC that says
    /// what it is for.
    pub(super) fn seal(
        &self,
        path: &Path,
        purpose: &str,
        line: &str,
        recovery: Option<&x25519::Recipient>,
    ) -> Result<(), Error> {
        let text = Zeroizing::new(self.tagged(purpose, line));
        let firm = self.identity.to_public();
        // The firm's stanza stands first: it is the one that is looked for every day.
        let recipients = std::iter::once(&firm as &dyn age::Recipient).chain(recovery.map(|r| r as _));
        let sealed = age::Encryptor::with_recipients(recipients).ok().and_then(|encryptor| {
            let mut output = encryptor.wrap_output(Vec::new()).ok()?;
            output.write_all(text.as_bytes()).ok()?;
            output.finish().ok()
        });
        let sealed = sealed.ok_or(Error::Damaged { path: path.to_owned(), what: "could not be encrypted" })?;
        files::write_durably(path, &sealed)
    }

    /// Opens what [`Self::seal`] wrote for the same purpose.
    pub(super) fn open(&self, path: &Path, purpose: &str) -> Result<Zeroizing<String>, Error> {
        let damaged = |what| Error::Damaged { path: path.to_owned(), what };
        let sealed = files::read(path)?;
        let decryptor = age::Decryptor::new_buffered(&sealed[..]).map_err(|_| damaged("not an age file"))?;
        let mut reader = decryptor
            .decrypt(std::iter::once(&*self.identity as &dyn age::Identity))
            .map_err(|_| damaged("not encrypted to this firm identity"))?;
        let mut text = Zeroizing::new(String::with_capacity(sealed.len()));
        reader.read_to_string(&mut text).map_err(|_| damaged("changed since it was written"))?;
        self.untagged(purpose, &text).ok_or_else(|| damaged("not written by this firm for this purpose"))
    }

    /// A line followed by the comment that authenticates it.
    pub(super) fn tagged(&self, purpose: &str, line: &str) -> String {
        let tag = hmac::sign(&self.tag_key, &message(purpose, line));
        format!("{line}\n{TAG_PREFIX}{purpose} {}\n", hex::encode(tag))
    }

    /// The line, if the comment after it is ours for this purpose.
    pub(super) fn untagged(&self, purpose: &str, text: &str) -> Option<Zeroizing<String>> {
        let (line, comment) = text.split_once('\n')?;
        let tag = comment.trim_end().strip_prefix(TAG_PREFIX)?.strip_prefix(purpose)?.strip_prefix(' ')?;
        let tag = hex::decode(tag).ok()?;
        hmac::verify(&self.tag_key, &message(purpose, line), &tag).ok()?;
        Some(Zeroizing::new(line.to_owned()))
    }
}

fn message(purpose: &str, line: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([TAG_DOMAIN, purpose.as_bytes(), b"\0", line.as_bytes()].concat())
}
