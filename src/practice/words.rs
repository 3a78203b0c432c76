//! The texts that people type into records, checked once: numbers, names, addresses, logins.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;

use super::Error;
use crate::names::{DocName, MAX_NAME_BYTES};

/// The longest matter number, in bytes.
pub const MAX_NUMBER_BYTES: usize = 32;
/// The longest name of a matter, contact or matter type, in bytes of NFC UTF-8.
pub const MAX_TITLE_BYTES: usize = 200;
/// The longest e-mail address and login, in bytes (RFC 5321 section 4.5.3.1.3, without the angle brackets).
pub const MAX_LOGIN_BYTES: usize = 254;
/// The longest word for a participant type, in bytes.
pub const MAX_TYPE_WORD_BYTES: usize = 32;

/// A matter number such as `2026-0001` or `26/114.A`.
pub(super) fn number(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'/' | b'_');
    let edges = [text.as_bytes().first(), text.as_bytes().last()];
    let good = text.len() <= MAX_NUMBER_BYTES
        && edges.into_iter().all(|c| c.is_some_and(u8::is_ascii_alphanumeric))
        && text.bytes().all(inner);
    if good {
        return Ok(text.to_owned());
    }
    Err(Error::Invalid(format!(
        "{} is no matter number: use 1 to {MAX_NUMBER_BYTES} letters, digits, `-`, `.`, `/` and `_`, a letter or digit \
         first and last",
        quoted(text)
    )))
}

/// The name of a matter, a contact or a matter type: one line of text.
pub(super) fn title(what: &str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    // Bound the work before normalising; NFC grows no valid text beyond this.
    if text.len() <= 4 * MAX_TITLE_BYTES {
        let name: String = text.nfc().collect();
        if !name.is_empty() && name.len() <= MAX_TITLE_BYTES && !name.chars().any(is_unprintable) {
            return Ok(name);
        }
    }
    Err(Error::Invalid(format!(
        "{} is no name of a {what}: use 1 to {MAX_TITLE_BYTES} bytes on one line, without control characters",
        quoted(text)
    )))
}

/// An e-mail address in the plain form `local@domain` (RFC 5321 section 4.1.2, dot-string), lower-cased.
///
/// The local part is lower-cased too: nobody's mail system tells `Ann@` from `ann@` apart, and two logins that differ
/// in case alone would be a trap.
pub(super) fn email(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if is_email(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::Invalid(format!("{} is no e-mail address: it must look like name@example.com", quoted(text))))
}

/// The login of a member of staff or a device, lower-cased: an e-mail address, or a short word such as `scanner.one`.
pub(super) fn login(text: &str) -> Result<String, Error> {
    let text = text.trim();
    // No colon (RFC 7617 section 2 ends the user-id there), no backslash (`DOMAIN\` is stripped from logins), no space.
    let word = text.len() <= 64
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'));
    if word || is_email(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::Invalid(format!(
        "{} is no login: use an e-mail address, or up to 64 letters, digits, `.`, `-` and `_`, a letter or digit first",
        quoted(text)
    )))
}

/// True for a word that can name a participant type: `client`, `co-counsel`.
pub(super) fn is_type_word(text: &str) -> bool {
    text.len() <= MAX_TYPE_WORD_BYTES
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// True if Windows can show a file or folder of this name; the characters and endings are those of its naming rules.
/// Documents may have other names (a user's drive made them), but structure must be seen on every drive.
pub(super) fn is_windows_name(name: &str) -> bool {
    !name.contains(WINDOWS_FORBIDDEN) && !name.ends_with(['.', ' ']) && !name.starts_with(' ')
}

const WINDOWS_FORBIDDEN: [char; 7] = ['<', '>', ':', '"', '|', '?', '*'];

/// The folder of a matter at the root of every drive: number and name, with what a drive cannot show replaced by `-`,
/// cut to the length of a name.
pub(super) fn matter_folder(number: &str, name: &str) -> Result<DocName, Error> {
    let mut text: String = format!("{number} {name}")
        .chars()
        .map(|c| {
            let unfit = is_unprintable(c) || matches!(c, '/' | '\\') || WINDOWS_FORBIDDEN.contains(&c);
            if unfit { '-' } else { c }
        })
        .nfc()
        .collect();
    if text.len() > MAX_NAME_BYTES {
        let end = (0..=MAX_NAME_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    let text = text.trim_end_matches(['.', ' ']);
    DocName::parse(text.as_bytes()).map_err(|why| Error::Invalid(format!("the matter's folder has no name: {why}")))
}

/// True if people would take the two for one name: equal under canonical case folding (Unicode 3.13, D145).
pub(super) fn same(one: &str, other: &str) -> bool {
    fold(one.trim()) == fold(other.trim())
}

/// Canonical case folding, as names of folders have it.
pub(super) fn fold(name: &str) -> String {
    name.chars().nfd().default_case_fold().nfd().default_case_fold().nfc().collect()
}

/// Input as error messages show it: quoted, escaped and cut, so that it cannot forge a line of a log or flood it.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut cut: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        cut.push('…');
    }
    format!("`{cut}`")
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    text.len() <= MAX_LOGIN_BYTES
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// Control characters, line and paragraph separators, and the marks that reverse the direction of what follows: a name
/// must not make a list of contacts lie.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matter_numbers_of_real_firms_are_taken_and_others_refused() {
        for good in ["2026-0001", "26/114.A", "7", " 2026-0001 ", "ABC_9"] {
            assert_eq!(number(good).expect("a number"), good.trim());
        }
        for bad in ["", "-1", "1-", "a b", "é1", "1\n2", &"1".repeat(33), "../1"] {
            assert!(number(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_and_logins_are_lower_cased_and_checked() {
        assert_eq!(email(" Client.One@Example.COM ").expect("an address"), "client.one@example.com");
        assert_eq!(login("Scanner.One").expect("a login"), "scanner.one");
        for bad in
            ["", "a", "a@b", "a@b..c", ".a@b.cd", "a b@c.de", "a@-b.cd", "a@b.cd\r\nBcc: x", "a:b@c.de", "a@b@c.de"]
        {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a:b", "a\\b", "a b", "-a", "a\0", &"a".repeat(65), "é"] {
            assert!(login(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_matter_folder_can_be_shown_on_every_drive() {
        let folder = |number: &str, name: &str| matter_folder(number, name).expect("a folder").to_string();
        assert_eq!(folder("2026-0001", "Purchase of 12 High Street"), "2026-0001 Purchase of 12 High Street");
        assert_eq!(folder("26/1", "Smith: \"sale\" <A\\B>?*|"), "26-1 Smith- -sale- -A-B----");
        assert_eq!(folder("1", "A. Testator dec. "), "1 A. Testator dec");
        let long = folder("1", &"é".repeat(200));
        assert!(long.len() <= MAX_NAME_BYTES && long.ends_with('é'));
    }

    #[test]
    fn messages_quote_input_so_that_it_stays_one_short_line() {
        assert_eq!(quoted("a\nb"), "`a\\nb`");
        assert!(quoted(&"x".repeat(1000)).len() < 80);
    }

    proptest! {
        #[test]
        fn every_matter_folder_is_a_name_that_windows_shows(name in "\\PC{1,60}") {
            if let Ok(name) = title("matter", &name) {
                let folder = matter_folder("2026-1", &name).expect("a folder");
                prop_assert!(is_windows_name(folder.as_str()), "{folder}");
            }
        }
    }
}
