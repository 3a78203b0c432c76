//! Messages: text files among which nothing is ever changed, and what becomes one on the way in.
//!
//! Whatever is uploaded under a folder of the area Messages is *sent*: at its end the text is judged, and becomes visible
//! under a name that says when it was sent and by whom (`2026-11-26 14.05.33 client.one@example.com – question.txt`). The
//! content is what the sender's program sent, byte for byte, so that the hash in the audit record is that of what was said
//! and the program finds what it has sent. A drive makes an empty document first: that is its maker's alone, and sent once
//! text is in it. To its sender a message answers for a while to the name under which it was sent, too.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::writing::{State, Writing};
use super::{Error, View};
use crate::names::{AccountId, DocName, MAX_NAME_BYTES, NodeId, Place, Timestamp};
use crate::vault::{Given, Incoming, Intent};

/// The longest message, in bytes: a hundred pages. What is longer is a document.
pub(super) const MAX_MESSAGE_BYTES: u64 = 256 * 1024;

/// How much of a login a name shows, in bytes.
const MAX_SENDER_BYTES: usize = 80;
/// Names of sent files that are remembered for one account.
const REMEMBERED: usize = 64;
/// With so many accounts remembered, those that sent nothing for [`FORGOTTEN`] are dropped.
const SENDERS: usize = 1024;
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// Why something cannot be a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Another ending than `.txt` and `.md`.
    #[error("a message is a text file, .txt or .md; other files belong into Documents")]
    Name,
    /// Not UTF-8, or with control characters.
    #[error("a message is plain text in UTF-8; other files belong into Documents")]
    Text,
    /// Spaces and line ends alone.
    #[error("there is nothing in this message")]
    Blank,
    /// More than 256 KiB.
    #[error("a message has at most 256 KiB; longer texts belong into Documents")]
    Length,
}

/// Can a file of this name be sent?
pub(super) fn fits_by_name(name: &DocName) -> Result<(), Unfit> {
    let lower = name.as_str().to_ascii_lowercase();
    if lower.ends_with(".txt") || lower.ends_with(".md") { Ok(()) } else { Err(Unfit::Name) }
}

/// Can this be sent? An empty file can: it waits for its text.
fn fits_by_text(bytes: &[u8]) -> Result<(), Unfit> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unfit::Text)?;
    // What steers a terminal has no place in what people are to read there.
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')) {
        return Err(Unfit::Text);
    }
    let blank = text.trim_start_matches('\u{feff}').trim().is_empty();
    if blank && !text.is_empty() { Err(Unfit::Blank) } else { Ok(()) }
}

/// The name of a message that is sent now.
fn name_of_message(now: Timestamp, zone: &TimeZone, login: &str, sent: &DocName) -> Result<DocName, Error> {
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default().to_zoned(zone.clone());
    let subject = subject(sent.as_str()).replace(['<', '>', ':', '"', '|', '?', '*'], "_");
    let (stem, ending) = subject.rsplit_once('.').unwrap_or((&subject, "txt"));
    let sender = login.replace(['/', '\\', '|', '?', '*'], "_");
    let sender = cut(&sender, MAX_SENDER_BYTES);
    let before = format!("{} {sender} – ", now.strftime("%Y-%m-%d %H.%M.%S"));
    let room = MAX_NAME_BYTES.saturating_sub(before.len() + ending.len() + 1);
    DocName::parse(format!("{before}{}.{ending}", cut(stem, room)).as_bytes())
        .map_err(|_| Error::NotAMessage(Unfit::Name))
}

/// What a file is called apart from what an earlier sending has put before its name.
fn subject(sent: &str) -> &str {
    const STAMP: &[u8] = b"0000-00-00 00.00.00 ";
    let fits = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    let stamped = sent.len() > STAMP.len() && sent.bytes().zip(STAMP).all(fits);
    match sent.split_once(" – ") {
        Some((_, subject)) if stamped && !subject.is_empty() => subject,
        _ => sent,
    }
}

fn cut(text: &str, longest: usize) -> &str {
    let mut end = text.len().min(longest);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The names under which their senders still find messages. In memory alone: it is for programs that look at what they
/// have just uploaded, and a session that has to be opened anew looks at the folder.
#[derive(Default)]
pub(super) struct SentNames {
    by_sender: Mutex<HashMap<AccountId, VecDeque<Sent>>>,
}

struct Sent {
    folder: NodeId,
    /// Folded.
    asked: String,
    given: DocName,
    at: Timestamp,
}

impl SentNames {
    fn remember(&self, sender: AccountId, folder: NodeId, asked: &DocName, given: &DocName) {
        let mut by_sender = self.by_sender.lock();
        if by_sender.len() >= SENDERS {
            by_sender.retain(|_, sent| sent.back().is_some_and(|newest| newest.at.elapsed() < FORGOTTEN));
        }
        let names = by_sender.entry(sender).or_default();
        let asked = asked.folded();
        names.retain(|sent| sent.folder != folder || sent.asked != asked);
        if names.len() >= REMEMBERED {
            names.pop_front();
        }
        names.push_back(Sent { folder, asked, given: given.clone(), at: Timestamp::now() });
    }

    /// What a file that this account has sent is called now.
    pub(super) fn given(&self, sender: AccountId, folder: NodeId, asked: &DocName) -> Option<DocName> {
        let by_sender = self.by_sender.lock();
        let names = by_sender.get(&sender)?;
        let asked = asked.folded();
        names.iter().find(|sent| sent.folder == folder && sent.asked == asked).map(|sent| sent.given.clone())
    }
}

impl View {
    /// Is this a folder of messages?
    pub(super) fn holds_messages(&self, place: &Place) -> Result<bool, Error> {
        self.look(|sight| Ok(sight.seen.holds_messages(place)))
    }

    /// Can something of this name be put there? The temporary files of a save can be put everywhere.
    pub(super) fn fits(&self, place: &Place, name: &DocName) -> Result<Result<(), Unfit>, Error> {
        let judged = self.holds_messages(place)? && !self.vfs.gate.transients().is_file(name);
        Ok(if judged { fits_by_name(name) } else { Ok(()) })
    }

    /// A name for a message that is sent now: free, or that of the empty file which becomes it.
    fn message_name(&self, place: &Place, sent: &DocName, own: Option<&DocName>) -> Result<DocName, Error> {
        let folder = place.folder().ok_or(Error::NotFound)?;
        let zone = &self.vfs.gate.guarding().zone;
        let name = name_of_message(Timestamp::now(), zone, self.session.login(), sent)?;
        self.look(|sight| match sight.vault.find(folder, &name)? {
            Some(taken) if own != Some(&taken.name) => sight.name_beside(place, &name),
            _ => Ok(name),
        })
    }
}

impl Writing {
    /// The name under which this upload is sent as a message; nothing if it is no message.
    fn sent(&self) -> Option<&DocName> {
        let names = self.view.vfs.gate.transients();
        self.path.names().last().filter(|name| self.among_messages && !names.is_file(name))
    }

    /// Holds the upload to the length of a message, if it may become one.
    pub(super) async fn bound(&self, state: &mut State, length: u64) -> Result<(), Error> {
        if !self.among_messages || length <= MAX_MESSAGE_BYTES {
            return Ok(());
        }
        Err(self.refuse(state, Unfit::Length).await)
    }

    /// Judges a text that is whole and says as what it will stand.
    pub(super) async fn judge_message(&self, state: &mut State) -> Result<(), Error> {
        let Some(sent) = self.sent() else { return Ok(()) };
        // When it was sent is not its sender's to say.
        state.modified = None;
        let text = state.with(read_all).await?;
        if let Err(unfit) = fits_by_text(&text) {
            return Err(self.refuse(state, unfit).await);
        }
        let incoming = state.incoming.as_mut().ok_or(Error::Unavailable)?;
        let given = self.given(incoming.intent(), sent, text.is_empty())?;
        incoming.set_given(given);
        Ok(())
    }

    /// As what the upload will stand if it is a message, given that another one has taken the name meanwhile.
    pub(super) fn given_again(&self, intent: &Intent, bytes: Option<u64>) -> Result<Option<Given>, Error> {
        self.sent().map(|sent| self.given(intent, sent, bytes == Some(0))).transpose()
    }

    fn given(&self, intent: &Intent, sent: &DocName, is_empty: bool) -> Result<Given, Error> {
        let own = match intent {
            Intent::Create(_) => None,
            Intent::Update(permit) => Some(&permit.target().name),
        };
        // One that is still empty waits for its text, and nobody else has to do with it.
        Ok(Given { name: self.view.message_name(intent.place(), sent, own)?, to_maker_alone: is_empty })
    }

    /// From now on the message answers to its sender under the name that was sent.
    pub(super) fn remember(&self, place: &Place, given: &DocName) {
        if let Some((sent, folder)) = self.sent().zip(place.folder()) {
            self.view.vfs.sent.remember(self.view.session.account(), folder, sent, given);
        }
    }

    async fn refuse(&self, state: &mut State, unfit: Unfit) -> Error {
        state.refuse(unfit.to_string(), Error::NotAMessage(unfit)).await
    }
}

fn read_all(incoming: &mut Incoming) -> Result<Vec<u8>, crate::vault::Error> {
    let length = usize::try_from(incoming.len().min(MAX_MESSAGE_BYTES)).unwrap_or_default();
    let mut text = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match incoming.read_at(filled as u64, &mut text[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    text.truncate(filled);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DocName {
        DocName::parse(text.as_bytes()).expect("a name")
    }

    fn named(login: &str, sent: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").expect("built in");
        let at = Timestamp::from_seconds(1_795_698_333);
        name_of_message(at, &zone, login, &name(sent)).expect("a name").to_string()
    }

    #[test]
    fn a_message_is_named_by_the_firms_clock_its_sender_and_its_subject() {
        assert_eq!(
            named("client.one@example.com", "hello.txt"),
            "2026-11-26 14.05.33 client.one@example.com – hello.txt"
        );
        assert_eq!(named("a/b@example.com", "Who: \"me\"?.MD"), "2026-11-26 14.05.33 a_b@example.com – Who_ _me__.MD");
    }

    #[test]
    fn what_was_sent_before_is_not_named_twice() {
        let once = named("client.one@example.com", "hello.txt");
        assert_eq!(named("staff.one@example.com", &once), "2026-11-26 14.05.33 staff.one@example.com – hello.txt");
        assert_eq!(subject("2026 – plans.txt"), "2026 – plans.txt");
    }

    #[test]
    fn text_is_sent_and_nothing_else() {
        let said = |bytes: &[u8]| fits_by_text(bytes);
        assert_eq!(said("Grüße,\r\n\tbis morgen\n".as_bytes()), Ok(()));
        assert_eq!(said("\u{feff}with a mark".as_bytes()), Ok(()));
        assert_eq!(said(b""), Ok(()));
        assert_eq!(said(b" \r\n"), Err(Unfit::Blank));
        for bytes in [&b"\xff\xfeh\0i\0"[..], b"a\0b", b"\x1b[2Jclear", b"%PDF-1.7\n%\xe2\xe3"] {
            assert_eq!(said(bytes), Err(Unfit::Text), "{bytes:?}");
        }
        for (sent, fits) in [("a.txt", true), ("A.TXT", true), ("a.md", true), ("a.pdf", false), ("txt", false)] {
            assert_eq!(fits_by_name(&name(sent)).is_ok(), fits, "{sent}");
        }
    }

    #[test]
    fn a_sender_finds_what_was_sent_last_and_nobody_elses() {
        let sent = SentNames::default();
        let (one, two) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
        let folder = NodeId::from_bytes([3; 16]);
        for n in 0..200 {
            sent.remember(one, folder, &name(&format!("{n}.txt")), &name(&format!("given {n}.txt")));
        }
        sent.remember(one, folder, &name("199.TXT"), &name("again.txt"));
        assert_eq!(sent.given(one, folder, &name("199.txt")), Some(name("again.txt")));
        assert_eq!(sent.given(one, folder, &name("150.txt")), Some(name("given 150.txt")));
        assert_eq!(sent.given(one, folder, &name("0.txt")), None, "bounded");
        assert_eq!(sent.given(two, folder, &name("199.txt")), None);
        assert_eq!(sent.given(one, NodeId::from_bytes([4; 16]), &name("199.txt")), None);
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_windows_can_show(sent in "[^/\\\\\\pC\u{2028}\u{2029}]{1,80}", login in "[ -~]{1,254}") {
            let sent = DocName::parse(format!("{sent}.txt").as_bytes());
            prop_assume!(sent.is_ok());
            let login = login.replace([':', '<', '>', '"'], "_");
            let made = name_of_message(Timestamp::now(), &TimeZone::UTC, &login, &sent.expect("a name")).expect("a name");
            prop_assert!(made.as_str().len() <= MAX_NAME_BYTES && made.as_str().ends_with(".txt"));
            prop_assert!(!made.as_str().contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*']));
        }
    }
}
