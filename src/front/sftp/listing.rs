//! How an entry looks to an SFTP client: its attributes and its line of `ls -l`.

use crate::names::{Timestamp, Verb};
use crate::vfs::{Kind, Stat};

use super::codec::{Attrs, NameEntry};

/// The user and group number of everything. They mean nothing here; one pair everywhere lets clients that compare
/// owners (GNOME Files) find that everything is the session's own.
const OWNER: (u32, u32) = (0, 0);
/// The names that stand for these numbers.
pub(super) const OWNER_NAME: &str = "deedbox";
pub(super) const GROUP_NAME: &str = "client";

const FOLDER: u32 = 0o040_000;
const DOCUMENT: u32 = 0o100_000;
/// Half a year, after which `ls -l` shows the year instead of the time.
const RECENT_SECONDS: i64 = 182 * 24 * 3600;

/// The attributes of an entry. The mode shows what this session may do, in the owner's bits alone: clients copy modes
/// to the files that they make, and a downloaded document should not become readable for everybody.
pub(super) fn attrs(stat: &Stat) -> Attrs {
    let bit = |granted: bool, bit| if granted { bit } else { 0 };
    let rights = stat.rights;
    let mode = match stat.kind {
        Kind::Folder => {
            let write = rights.has(Verb::Create) || rights.has(Verb::Update) || rights.has(Verb::Delete);
            // A matter or an area in which nothing is granted is shown for what it leads to, and lists that: desktop
            // clients do not open a folder whose mode says that it cannot be read.
            let list = rights.has(Verb::List) || (stat.structure && rights.is_empty());
            FOLDER | bit(list, 0o400) | bit(write, 0o200) | 0o100
        }
        Kind::Document => DOCUMENT | bit(rights.has(Verb::Read), 0o400) | bit(rights.has(Verb::Update), 0o200),
    };
    let modified = seconds(stat.modified);
    Attrs { size: Some(stat.size), owner: Some(OWNER), permissions: Some(mode), times: Some((modified, modified)) }
}

/// An entry of a folder; nothing for the root, which is nobody's entry.
pub(super) fn entry(stat: &Stat, now: Timestamp) -> Option<NameEntry> {
    let name = stat.name.as_ref()?.as_str();
    let attrs = attrs(stat);
    Some(NameEntry { name: name.to_owned(), long: long_name(name, &attrs, now), attrs })
}

/// A path as the answer to REALPATH, which has no attributes to show (OpenSSH sends none either).
pub(super) fn path_entry(path: String) -> NameEntry {
    NameEntry { long: path.clone(), name: path, attrs: Attrs::default() }
}

/// Seconds since 1970 as version 3 carries them: 32 bits without a sign.
pub(super) fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_seconds().max(0)).unwrap_or(u32::MAX)
}

/// A line in the form of `ls -l`, which lftp and WinSCP parse; times are UTC.
fn long_name(name: &str, attrs: &Attrs, now: Timestamp) -> String {
    let mode = attrs.permissions.unwrap_or(0);
    let kind = if mode & FOLDER != 0 { 'd' } else { '-' };
    let letter = |bit, letter| if mode & bit != 0 { letter } else { '-' };
    let (r, w, x) = (letter(0o400, 'r'), letter(0o200, 'w'), letter(0o100, 'x'));
    let size = attrs.size.unwrap_or(0);
    let modified = i64::from(attrs.times.map_or(0, |(_, modified)| modified));
    let recent = (now.as_seconds() - RECENT_SECONDS..=now.as_seconds() + 60).contains(&modified);
    let time = jiff::Timestamp::from_second(modified)
        .map(|time| time.strftime(if recent { "%b %e %H:%M" } else { "%b %e  %Y" }).to_string())
        .unwrap_or_default();
    format!("{kind}{r}{w}{x}------    1 {OWNER_NAME:<8} {GROUP_NAME:<8} {size:>8} {time} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{DocName, Rights};

    fn stat(kind: Kind, rights: Rights) -> Stat {
        Stat {
            name: DocName::parse(b"deed of gift.pdf").ok(),
            kind,
            node: None,
            size: 12_345,
            created: Timestamp::from_seconds(0),
            modified: Timestamp::from_seconds(1_700_000_000),
            version: 1,
            rights,
            structure: false,
            has_properties: false,
        }
    }

    fn mode(kind: Kind, verbs: &[Verb]) -> u32 {
        attrs(&stat(kind, Rights::of(verbs))).permissions.expect("always sent")
    }

    #[test]
    fn modes_show_the_sessions_own_rights() {
        use Verb::{Create, Delete, List, Read, Update};
        assert_eq!(mode(Kind::Document, &[]), 0o100_000);
        assert_eq!(mode(Kind::Document, &[Read]), 0o100_400);
        assert_eq!(mode(Kind::Document, &[Update, Create]), 0o100_200);
        assert_eq!(mode(Kind::Document, &Verb::ALL), 0o100_600);
        assert_eq!(mode(Kind::Folder, &[]), 0o040_100);
        assert_eq!(mode(Kind::Folder, &[List, Read]), 0o040_500);
        let matter = Stat { structure: true, ..stat(Kind::Folder, Rights::NONE) };
        assert_eq!(attrs(&matter).permissions, Some(0o040_500));
        for write in [Create, Update, Delete] {
            assert_eq!(mode(Kind::Folder, &[write]), 0o040_300);
        }
        assert_eq!(mode(Kind::Folder, &Verb::ALL), 0o040_700);
    }

    #[test]
    fn long_names_read_like_ls() {
        let recent = entry(&stat(Kind::Document, Rights::FULL), Timestamp::from_seconds(1_700_000_100)).expect("named");
        assert_eq!(recent.long, "-rw-------    1 deedbox  client      12345 Nov 14 22:13 deed of gift.pdf");
        let old = entry(&stat(Kind::Folder, Rights::NONE), Timestamp::from_seconds(1_800_000_000)).expect("named");
        assert_eq!(old.long, "d--x------    1 deedbox  client      12345 Nov 14  2023 deed of gift.pdf");
    }

    #[test]
    fn times_outside_of_32_bits_are_clamped() {
        assert_eq!(seconds(Timestamp::from_seconds(-5)), 0);
        assert_eq!(seconds(Timestamp::from_seconds(i64::from(u32::MAX) + 5)), u32::MAX);
    }
}
