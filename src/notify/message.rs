//! A mail as it goes over the wire: headers, a text part and an HTML part.

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use super::templates::Text;
use crate::names::Timestamp;

/// A mail's headers beside its subject.
pub(super) struct Envelope<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a str,
    pub(super) date: Timestamp,
    /// The same at every attempt, so that a mail that came twice can be told from two mails.
    pub(super) tag: [u8; 16],
}

/// The whole message. Names go through lettre, which encodes what is no plain text (RFC 2047); an address that is none is
/// refused.
///
/// # Errors
/// What is wrong with the address.
pub(super) fn message(envelope: &Envelope<'_>, text: Text) -> Result<Message, String> {
    let to: Address = envelope.to.parse().map_err(|why| format!("{:?} is no address: {why}", envelope.to))?;
    let id = format!("<{}@{}>", hex::encode(envelope.tag), envelope.from.email.domain());
    Message::builder()
        .from(envelope.from.clone())
        .to(Mailbox::new(None, to))
        .subject(text.subject)
        .date(envelope.date.into())
        .message_id(Some(id))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(text.plain, text.html))
        .map_err(|why| why.to_string())
}

/// RFC 3834: nobody's holiday answer is to come back.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(subject: &str, from: &str, to: &str) -> Result<String, String> {
        let from = Mailbox::new(Some(from.to_owned()), "portal@example.com".parse().expect("an address"));
        let date = Timestamp::from_seconds(1_700_000_000);
        let text = Text { subject: subject.to_owned(), plain: "plain".to_owned(), html: "<p>html</p>".to_owned() };
        let message = message(&Envelope { from: &from, to, date, tag: [7; 16] }, text)?;
        Ok(String::from_utf8(message.formatted()).expect("ASCII"))
    }

    fn headers(message: &str) -> Vec<String> {
        let (head, _) = message.split_once("\r\n\r\n").expect("a head");
        let unfolded = head.replace("\r\n ", " ");
        unfolded.split("\r\n").map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    const EXPECTED: [&str; 8] =
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];

    #[test]
    fn the_same_mail_has_the_same_message_id() {
        let told = sent("News", "The firm", "client.one@example.com").expect("a message");
        assert!(told.contains("Message-ID: <07070707070707070707070707070707@example.com>\r\n"), "{told}");
        assert_eq!(headers(&told), EXPECTED);
        for wrong in ["a@b.example\r\nBcc: c@d.example", "", "a b@c.example", "a@b.example, c@d.example"] {
            assert!(sent("News", "The firm", wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        /// The sender's name comes from the configuration, which takes one line alone.
        #[test]
        fn no_text_makes_a_header(subject in ".{0,120}", firm in "\\PC{0,120}", line in "[\\r\\n]{0,3}Bcc: x@example\\.com") {
            let message = sent(&format!("{subject}{line}"), &firm, "client.one@example.com");
            prop_assert_eq!(headers(&message.expect("a message")), EXPECTED);
        }
    }
}
