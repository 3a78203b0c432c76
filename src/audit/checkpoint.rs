//! Checkpoints (C2SP tlog-checkpoint): the size and root of the tree, signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::leaf::array;
use super::note::{NoteError, Signer, VerifyKey};
use super::tree::Hash;

/// The extension line that carries the catalog's commit number.
const CATALOG: &str = "deedbox-catalog ";
/// Trees beyond this are not ours; the bound keeps tile arithmetic within 64 bits.
const MAX_SIZE: u64 = 1 << 48;

/// The head of the tree at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Records in the tree.
    pub size: u64,
    /// RFC 6962 root hash.
    pub root: [u8; 32],
    /// The catalog's last commit when it was signed: a catalog that knows fewer went back in time.
    pub catalog: u64,
}

impl Checkpoint {
    /// The signed note.
    pub(super) fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.text())
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n{CATALOG}{}\n", self.origin, self.size, BASE64.encode(self.root), self.catalog)
    }

    /// Verifies and parses a signed checkpoint.
    ///
    /// # Errors
    /// If it is malformed, not signed by this key, or of another log.
    pub fn open(note: &[u8], key: &VerifyKey) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(key.open(note)?).ok_or(NoteError::Malformed)?;
        if checkpoint.origin == key.name() { Ok(checkpoint) } else { Err(NoteError::Unsigned) }
    }

    /// Parses the text of a note.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty())?.to_owned();
        let size = decimal(lines.next()?).filter(|size| *size < MAX_SIZE)?;
        let root: Hash = BASE64.decode(lines.next()?).ok().filter(|root| root.len() == 32).map(|root| array(&root))?;
        let mut catalog = 0;
        for line in lines {
            // Extension lines are opaque but must not be empty; ours counts, those of others are skipped.
            if line.is_empty() {
                return None;
            }
            if let Some(number) = line.strip_prefix(CATALOG) {
                catalog = decimal(number)?;
            }
        }
        Some(Self { origin, size, root, catalog })
    }
}

/// A number in its only spelling: no sign, no leading zero.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_parses() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let checkpoint = Checkpoint::parse(text).expect("the specification's example");
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    }

    #[test]
    fn a_checkpoint_reads_back_and_only_with_its_key() {
        let signer = Signer::new(&[1; 32], "firm.example/audit").expect("a valid name");
        let other = Signer::new(&[2; 32], "firm.example/audit").expect("a valid name");
        let checkpoint = Checkpoint { origin: "firm.example/audit".to_owned(), size: 7, root: [3; 32], catalog: 99 };
        let note = checkpoint.sign(&signer);
        assert_eq!(Checkpoint::open(note.as_bytes(), signer.public()), Ok(checkpoint));
        assert_eq!(Checkpoint::open(note.as_bytes(), other.public()), Err(NoteError::Unsigned));
    }

    #[test]
    fn sloppy_spellings_are_refused() {
        let root = BASE64.encode([0; 32]);
        for text in [
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n\n{root}\n"),
            format!("\n1\n{root}\n"),
            format!("o\n1\n{root}\n\n"),
            format!("o\n1\n{root}"),
            "o\n1\nAAAA\n".to_owned(),
            format!("o\n99999999999999999999\n{root}\n"),
        ] {
            assert_eq!(Checkpoint::parse(&text), None, "{text:?}");
        }
    }
}
