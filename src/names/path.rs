//! Document names and paths: bytes become a [`DocPath`] once, at the edge, and are never parsed again.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use caseless::Caseless;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest name, in bytes of NFC UTF-8; what ext4, NTFS tools and SFTP clients agree on.
pub const MAX_NAME_BYTES: usize = 255;
/// The longest path, in bytes, separators included.
pub const MAX_PATH_BYTES: usize = 4096;
/// How many names a path may have.
pub const MAX_DEPTH: usize = 64;

/// Why some bytes are not a name or a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An empty name where one is needed.
    #[error("a name must not be empty")]
    Empty,
    /// Not UTF-8.
    #[error("a name must be UTF-8")]
    NotUtf8,
    /// `.` or `..` where a name is needed.
    #[error("`.` and `..` are not names")]
    Dots,
    /// `/`, `\`, NUL or another control character.
    #[error("a name must not contain `/`, `\\` or control characters")]
    Forbidden,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("a name has at most 255 bytes")]
    TooLong,
    /// Longer than [`MAX_PATH_BYTES`] or deeper than [`MAX_DEPTH`].
    #[error("a path has at most 4096 bytes and 64 folders")]
    PathTooLong,
}

/// One name of a folder or document: NFC, without control characters and separators, at most 255 bytes. Shared when cloned: on
/// its way down the tree a request copies its path at every folder.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocName(Arc<str>);

impl DocName {
    /// Parses the bytes that a client sent.
    pub fn parse(bytes: &[u8]) -> Result<Self, NameError> {
        // Reject before normalising: work stays bounded by what a valid name could have been.
        if bytes.len() > 4 * MAX_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NameError::NotUtf8)?;
        // ASCII is its own normal form, and most names are ASCII.
        let name: Cow<'_, str> = if text.is_ascii() { text.into() } else { text.nfc().collect() };
        match &*name {
            "" => return Err(NameError::Empty),
            "." | ".." => return Err(NameError::Dots),
            _ => {}
        }
        if name.chars().any(is_forbidden) {
            return Err(NameError::Forbidden);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        Ok(Self(name.into()))
    }

    /// The name as people see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which a name is unique within its folder: full Unicode case folding over compatibility-free
    /// normal forms (Unicode 3.13, D145), so that Windows, macOS and Linux see the same tree.
    pub fn folded(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        self.0.chars().nfd().default_case_fold().nfd().default_case_fold().nfc().collect()
    }

    /// `name (2).ext` for `name.ext` and `n` = 2: the name for a document that is kept beside one of the same name.
    /// The stem is shortened where the result would be too long.
    pub fn numbered(&self, n: u32) -> Self {
        let (stem, extension) = self.stem_and_extension();
        let suffix = format!(" ({n}){extension}");
        let mut end = stem.len().min(MAX_NAME_BYTES - suffix.len());
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        // Cutting can only remove trailing characters, so the result stays a valid name; NFC is closed under prefixes
        // as far as identity of names is concerned, and is applied again to be exact.
        let name: String = format!("{}{suffix}", &stem[..end]).nfc().collect();
        Self(name.into())
    }

    /// The name of which this can be the numbered one; nothing if it is none.
    pub fn unnumbered(&self) -> Option<Self> {
        let (stem, extension) = self.stem_and_extension();
        let (stem, number) = stem.strip_suffix(')')?.rsplit_once(" (")?;
        let is_number = (1..=5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let plain = is_number.then(|| format!("{stem}{extension}"))?;
        Self::parse(plain.as_bytes()).ok()
    }

    /// The name before its extension, and that with its dot; nothing for the latter where there is none.
    pub fn stem_and_extension(&self) -> (&str, &str) {
        match self.0.rfind('.') {
            Some(dot) if dot > 0 && self.0.len() - dot <= 16 => self.0.split_at(dot),
            _ => (&*self.0, ""),
        }
    }
}

/// Control characters (C0, DEL, C1), both separators, and the line and paragraph separators that would break
/// line-based tools.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '/' | '\\' | '\u{2028}' | '\u{2029}')
}

impl fmt::Display for DocName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DocName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl TryFrom<String> for DocName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(text.as_bytes())
    }
}

impl From<DocName> for String {
    fn from(name: DocName) -> String {
        name.0.to_string()
    }
}

/// An absolute path in the tree that a session sees; the root has no names.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<DocName>", into = "Vec<DocName>")]
pub struct DocPath(Vec<DocName>);

impl DocPath {
    /// The root, which lists the matters.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Parses an absolute or relative path strictly: `.` and `..` are refused, empty names between slashes are skipped.
    pub fn parse(bytes: &[u8]) -> Result<Self, NameError> {
        let mut path = Self::root();
        for part in components(bytes)? {
            path = path.join(DocName::parse(part)?)?;
        }
        Ok(path)
    }

    /// Resolves a path as an SFTP client means it: relative to `self` unless it starts with `/`; `.` stays, `..` goes
    /// one up and stops at the root. Purely textual, which is exact because the tree has no links.
    pub fn resolve(&self, bytes: &[u8]) -> Result<Self, NameError> {
        let mut path = if bytes.starts_with(b"/") { Self::root() } else { self.clone() };
        for part in components(bytes)? {
            match part {
                b"." => {}
                b".." => drop(path.0.pop()),
                name => path = path.join(DocName::parse(name)?)?,
            }
        }
        Ok(path)
    }

    /// This path with one more name.
    pub fn join(mut self, name: DocName) -> Result<Self, NameError> {
        self.fits(&name)?;
        self.0.push(name);
        Ok(self)
    }

    /// The same as a path of its own.
    pub fn with(&self, name: DocName) -> Result<Self, NameError> {
        self.fits(&name)?;
        let mut names = Vec::with_capacity(self.0.len() + 1);
        names.extend_from_slice(&self.0);
        names.push(name);
        Ok(Self(names))
    }

    fn fits(&self, name: &DocName) -> Result<(), NameError> {
        let bytes: usize = self.0.iter().map(|n| n.0.len() + 1).sum();
        let is_too_long = self.0.len() == MAX_DEPTH || bytes + 1 + name.0.len() > MAX_PATH_BYTES;
        if is_too_long { Err(NameError::PathTooLong) } else { Ok(()) }
    }

    /// The folder above and the last name; nothing for the root.
    pub fn split_last(&self) -> Option<(Self, &DocName)> {
        let (last, above) = self.0.split_last()?;
        Some((Self(above.to_vec()), last))
    }

    /// The names from the root down.
    pub fn names(&self) -> &[DocName] {
        &self.0
    }

    /// True for the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `self` is `other` or lies below it, names compared folded.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.len() >= other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a == b || a.folded() == b.folded())
    }
}

fn components(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8]>, NameError> {
    if bytes.len() > 4 * MAX_PATH_BYTES {
        return Err(NameError::PathTooLong);
    }
    Ok(bytes.split(|b| *b == b'/').filter(|part| !part.is_empty()))
}

impl fmt::Display for DocPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|name| f.write_str("/").and_then(|()| f.write_str(name.as_str())))
    }
}

impl fmt::Debug for DocPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl TryFrom<Vec<DocName>> for DocPath {
    type Error = NameError;
    fn try_from(names: Vec<DocName>) -> Result<Self, NameError> {
        names.into_iter().try_fold(Self::root(), Self::join)
    }
}

impl From<DocPath> for Vec<DocName> {
    fn from(path: DocPath) -> Vec<DocName> {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_would_escape_or_confuse_are_refused() {
        for (bytes, why) in [
            (&b""[..], NameError::Empty),
            (b".", NameError::Dots),
            (b"..", NameError::Dots),
            (b"a/b", NameError::Forbidden),
            (b"a\\b", NameError::Forbidden),
            (b"a\0b", NameError::Forbidden),
            (b"a\nb", NameError::Forbidden),
            ("a\u{85}b".as_bytes(), NameError::Forbidden),
            (b"\xff", NameError::NotUtf8),
            (&[b'a'; 256], NameError::TooLong),
        ] {
            assert_eq!(DocName::parse(bytes), Err(why), "{bytes:?}");
        }
        assert!(DocName::parse(&[b'a'; 255]).is_ok());
    }

    #[test]
    fn decomposed_and_composed_names_are_one_name() {
        assert_eq!(DocName::parse("Ä".as_bytes()), DocName::parse("A\u{308}".as_bytes()));
    }

    #[test]
    fn the_short_way_for_ascii_leads_where_the_long_one_does() {
        let name: String = (' '..='~').filter(|c| !is_forbidden(*c)).collect();
        let name = DocName::parse(name.as_bytes()).expect("a name");
        let long = name.0.chars().nfd().default_case_fold().nfd().default_case_fold().nfc().collect::<String>();
        assert_eq!(name.folded(), long);
        assert_eq!(name.0.nfc().collect::<String>(), &*name.0);
    }

    #[test]
    fn case_twins_fold_together_in_every_alphabet() {
        for (a, b) in [("README", "readme"), ("STRASSE", "straße"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ДОГОВОР", "договор")]
        {
            let fold = |s: &str| DocName::parse(s.as_bytes()).map(|n| n.folded());
            assert_eq!(fold(a), fold(b));
        }
    }

    #[test]
    fn a_relative_path_cannot_climb_above_the_root() {
        let here = DocPath::parse(b"/a/b").expect("valid");
        assert_eq!(here.resolve(b"../../../../etc").map(|p| p.to_string()), Ok("/etc".to_owned()));
        assert_eq!(here.resolve(b"./c/").map(|p| p.to_string()), Ok("/a/b/c".to_owned()));
        assert_eq!(here.resolve(b"").map(|p| p.to_string()), Ok("/a/b".to_owned()));
    }

    #[test]
    fn a_numbered_name_keeps_its_extension_and_fits() {
        let name = |s: &str| DocName::parse(s.as_bytes()).expect("valid");
        assert_eq!(name("scan.pdf").numbered(2).as_str(), "scan (2).pdf");
        assert_eq!(name(".hidden").numbered(3).as_str(), ".hidden (3)");
        let long = name(&format!("{}.pdf", "é".repeat(125))).numbered(10);
        assert!(long.as_str().len() <= MAX_NAME_BYTES && long.as_str().ends_with(" (10).pdf"));
        for (numbered, plain) in [("scan (2).pdf", Some("scan.pdf")), ("a (b) (31)", Some("a (b)")), (". (2)", None)] {
            assert_eq!(name(numbered).unnumbered(), plain.map(name), "{numbered}");
        }
        assert!(
            ["scan.pdf", "scan (x).pdf", "scan(2).pdf", "scan ().pdf"].iter().all(|n| name(n).unnumbered().is_none())
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_and_parses_to_itself(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(path) = DocPath::parse(&bytes) {
                prop_assert_eq!(DocPath::parse(path.to_string().as_bytes()), Ok(path.clone()));
                prop_assert_eq!(DocPath::root().resolve(path.to_string().as_bytes()), Ok(path));
            }
        }

        #[test]
        fn folding_is_idempotent_and_ignores_case(text in "\\PC{1,20}") {
            if let Ok(name) = DocName::parse(text.as_bytes())
                && let Ok(again) = DocName::parse(name.folded().as_bytes())
            {
                prop_assert_eq!(again.folded(), name.folded());
            }
        }
    }
}
