//! The names of the temporary files that programs make while they save, as patterns that a firm can change.

use std::fmt;

use super::DocName;

/// A pattern for names: `*` stands for anything, `?` for one character, `[a-f0-9]` for one of those. Without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Anything,
    OneOf(Vec<(char, char)>),
}

/// Why some text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It holds what no name can hold, or is too long for one.
    #[error("holds what no name can hold, or is too long")]
    NoName,
    /// A `[` without its `]`, or nothing between them.
    #[error("has a `[` that is not closed, or with nothing in it")]
    Class,
    /// It would take documents for temporary files.
    #[error("must have at least two characters that are no wildcards, or it would take documents for temporary files")]
    TooWide,
}

impl NamePattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`PatternError`] says why it is none.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let folded = DocName::parse(text.as_bytes()).map_err(|_| PatternError::NoName)?.folded();
        let mut chars = folded.chars();
        let (mut parts, mut plain) = (Vec::new(), 0);
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Anything,
                '?' => Part::OneOf(vec![('\0', char::MAX)]),
                '[' => Part::OneOf(class(&mut chars).ok_or(PatternError::Class)?),
                c => {
                    plain += 1;
                    Part::OneOf(vec![(c, c)])
                }
            });
        }
        if plain < 2 {
            return Err(PatternError::TooWide);
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Does a folded name fit? Goes back to the last `*` alone, so that no pattern costs more than its length times that of
    /// the name.
    fn fits(&self, name: &[char]) -> bool {
        let (mut at, mut part) = (0, 0);
        let mut last: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.parts.get(part) {
                Some(Part::Anything) => {
                    last = Some((at, part));
                    part += 1;
                }
                Some(Part::OneOf(ranges)) if ranges.iter().any(|(from, to)| (*from..=*to).contains(&name[at])) => {
                    at += 1;
                    part += 1;
                }
                _ => match &mut last {
                    Some((from, star)) => {
                        *from += 1;
                        (at, part) = (*from, *star + 1);
                    }
                    None => return false,
                },
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::Anything)
    }
}

/// What follows a `[`, up to its `]`.
fn class(chars: &mut std::str::Chars<'_>) -> Option<Vec<(char, char)>> {
    let (inside, after) = chars.as_str().split_once(']')?;
    let inside: Vec<char> = inside.chars().collect();
    *chars = after.chars();
    let mut ranges = Vec::new();
    let mut rest = &inside[..];
    loop {
        rest = match rest {
            [from, '-', to, rest @ ..] => {
                ranges.push((*from, *to));
                rest
            }
            [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => break,
        };
    }
    (!ranges.is_empty()).then_some(ranges)
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which names are those of temporary files. They are their maker's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransientNames {
    /// Into these a program writes what is to become a document, whose name they hold: `scan.pdf.filepart`.
    pub named_after: Vec<NamePattern>,
    /// Into these, too, and their names say nothing of the document: `~WRD0001.tmp`.
    pub unnamed: Vec<NamePattern>,
    /// These lie beside documents and never become one: `~$will.docx`, `.DS_Store`.
    pub beside: Vec<NamePattern>,
    /// Folders in which a program prepares a save.
    pub folders: Vec<NamePattern>,
}

/// The patterns of the programs that people have: WinSCP, rclone, lftp, KIO, macOS; Office and GNOME; lock files, what
/// operating systems strew about.
pub const NAMED_AFTER: &[&str] = &["*.filepart", "*.partial", ".in.*", "*.part", "*.sb-*"];
/// As [`NAMED_AFTER`], of names that say nothing of the document.
pub const UNNAMED: &[&str] = &[
    "~WR*.tmp",
    "[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].tmp",
    ".giosave*",
    ".goutputstream-*",
];
/// As [`NAMED_AFTER`], of what lies beside documents.
pub const BESIDE: &[&str] = &["~$*", ".~lock.*#", "._*", ".DS_Store", "Thumbs.db", "desktop.ini"];
/// As [`NAMED_AFTER`], of folders.
pub const FOLDERS: &[&str] = &["*.sb-*"];

impl Default for TransientNames {
    fn default() -> Self {
        let parse = |patterns: &[&str]| patterns.iter().filter_map(|text| NamePattern::parse(text).ok()).collect();
        Self {
            named_after: parse(NAMED_AFTER),
            unnamed: parse(UNNAMED),
            beside: parse(BESIDE),
            folders: parse(FOLDERS),
        }
    }
}

impl TransientNames {
    /// Is this the name of a temporary file?
    pub fn is_file(&self, name: &DocName) -> bool {
        let name = folded(name);
        [&self.named_after, &self.unnamed, &self.beside].into_iter().any(|patterns| any_fits(patterns, &name))
    }

    /// Is this the name of a folder in which a program prepares a save?
    pub fn is_folder(&self, name: &DocName) -> bool {
        any_fits(&self.folders, &folded(name))
    }

    /// Can what has this name be on its way to become that document?
    pub fn becomes(&self, name: &DocName, document: &DocName) -> bool {
        let (characters, whole) = (folded(name), name.folded());
        any_fits(&self.unnamed, &characters)
            || ((any_fits(&self.named_after, &characters) || any_fits(&self.folders, &characters))
                && whole.contains(&document.folded()))
    }
}

fn folded(name: &DocName) -> Vec<char> {
    name.folded().chars().collect()
}

fn any_fits(patterns: &[NamePattern], name: &[char]) -> bool {
    patterns.iter().any(|pattern| pattern.fits(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DocName {
        DocName::parse(text.as_bytes()).expect("a name")
    }

    #[test]
    fn temporary_files_of_a_save_are_recognised_and_documents_are_not() {
        let names = TransientNames::default();
        let all = NAMED_AFTER.len() + UNNAMED.len() + BESIDE.len() + FOLDERS.len();
        let parsed = names.named_after.len() + names.unnamed.len() + names.beside.len() + names.folders.len();
        assert_eq!(parsed, all, "every default is a pattern");
        for text in [
            "~$will.docx",
            "~WRD0001.tmp",
            "~wrl0001.TMP",
            "34429E5E.tmp",
            ".~lock.will.odt#",
            "scan.pdf.filepart",
            "a.1f2e3d4c.partial",
            ".in.scan.pdf",
            "will.pages.sb-3d61e1b1-Qm3vzR",
            "._a",
            ".DS_Store",
            "THUMBS.DB",
        ] {
            assert!(names.is_file(&name(text)), "{text}");
        }
        for text in ["will.docx", "notes.tmp", "344.tmp", "344299999.tmp", "partial.pdf", "_a", "sb.txt", ".~lock.a"] {
            assert!(!names.is_file(&name(text)), "{text}");
        }
        assert!(names.is_folder(&name("will.pages.sb-3d61e1b1-Qm3vzR")) && !names.is_folder(&name("Annex.partial")));
    }

    #[test]
    fn a_temporary_file_becomes_the_document_whose_name_it_holds_or_any() {
        let names = TransientNames::default();
        for (temporary, document, becomes) in [
            ("scan.pdf.filepart", "Scan.PDF", true),
            ("scan.pdf.filepart", "other.pdf", false),
            (".in.scan.pdf", "scan.pdf", true),
            ("~WRD0001.tmp", "will.docx", true),
            ("~$will.docx", "will.docx", false),
            ("will.docx", "will.docx", false),
        ] {
            assert_eq!(names.becomes(&name(temporary), &name(document)), becomes, "{temporary} {document}");
        }
    }

    #[test]
    fn what_would_hide_documents_or_means_nothing_is_no_pattern() {
        for (text, why) in [
            ("*", PatternError::TooWide),
            ("", PatternError::NoName),
            ("?*[a-z].", PatternError::TooWide),
            ("a/b", PatternError::NoName),
            ("ab[", PatternError::Class),
            ("ab[c-d", PatternError::Class),
            ("ab[]", PatternError::Class),
        ] {
            assert_eq!(NamePattern::parse(text), Err(why), "{text:?}");
        }
        let fits =
            |pattern: &str, text: &str| NamePattern::parse(pattern).expect("a pattern").fits(&folded(&name(text)));
        assert!(fits("*.b*.c", "a.b.b.x.c") && !fits("*.b*.c", "a.b.b.x.cc"));
        assert!(fits("a?c[x-z]", "ABCY") && !fits("a?c[x-z]", "abcw") && !fits("a?c", "ac"));
        assert!(fits("ÄB*", "äbc"));
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_name_cost_much_or_panic(pattern in "[a\\[\\]*?-]{0,40}", text in "a{1,60}") {
            if let Ok(pattern) = NamePattern::parse(&pattern) {
                let _ = pattern.fits(&folded(&name(&text)));
            }
        }
    }
}
