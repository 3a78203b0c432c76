//! `[mail]`: whether the firm tells people by mail what is new, through which server, and how often.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use toml::Spanned;

use super::checks::Checks;
use super::raw;
use super::recoverable::Item;

/// Where Debian and most others keep the authorities that the system trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How mail is sent, if it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server that takes the mail.
    pub relay: Relay,
    /// The sender of all mail.
    pub from: Mailbox,
    /// Where the portal is on the web, without a slash at the end: what links in mails start with.
    pub public_url: String,
    /// A directory of templates that take the place of those that come with the program.
    pub templates: Option<PathBuf>,
    /// How long nothing new must have come into a matter before mail about it goes out.
    pub quiet: Duration,
    /// How long mail about a matter waits at most, however much comes in.
    pub longest: Duration,
    /// The hour of the firm's day at which participants get the day's news as one mail; at once if there is none.
    pub digest_hour: Option<u8>,
    /// Whether mails name documents, except those of confidential matters.
    pub document_names: bool,
    /// Whether a participant's upload is told to the other participants who can see it.
    pub notify_participants: bool,
}

impl Mail {
    /// The files and directories that it names, each with its setting.
    pub fn files(&self) -> Vec<(&'static str, &PathBuf)> {
        let authorities = (self.relay.tls != RelayTls::None).then_some(("mail.ca", &self.relay.authorities));
        let password = self.relay.login.as_ref().map(|(_, file)| ("mail.password_file", file));
        let templates = self.templates.as_ref().map(|folder| ("mail.templates", folder));
        authorities.into_iter().chain(password).chain(templates).collect()
    }
}

/// The server that takes the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// A name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept secret.
    pub tls: RelayTls,
    /// The authorities of which one must have signed its certificate, PEM.
    pub authorities: PathBuf,
    /// The login there and the file that holds its password.
    pub login: Option<(String, PathBuf)>,
}

/// How the connection to the relay is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTls {
    /// By STARTTLS (RFC 3207), without which nothing is sent.
    StartTls,
    /// TLS from the first byte (RFC 8314 section 3.3).
    Implicit,
    /// Not at all, to a relay on this machine.
    None,
}

impl Checks<'_> {
    /// Mail is on if a relay is named.
    pub(super) fn mail(&mut self, raw: raw::Mail, public_url: Option<String>) -> Option<Mail> {
        let quiet = Duration::from_secs(self.number("mail.quiet_seconds", raw.quiet_seconds, 60, 1..=3600));
        let longest = Duration::from_secs(self.number("mail.longest_seconds", raw.longest_seconds, 600, 1..=86_400));
        let hour = raw.digest_hour.is_some().then(|| self.number("mail.digest_hour", raw.digest_hour, 18, 0..=23));
        let words = [("starttls", RelayTls::StartTls), ("implicit", RelayTls::Implicit), ("none", RelayTls::None)];
        let (smtp, tls) = (raw.smtp?, self.word("mail.tls", raw.tls, RelayTls::StartTls, &words));
        let at = Some(smtp.span());
        let (host, port) = host_and_port(smtp.get_ref()).unwrap_or_else(|| {
            let message =
                "`mail.smtp` must be the relay's name or address and its port, such as \"smtp.example.com:587\"";
            self.mistakes.add(self.text, at.clone(), message);
            ("localhost".to_owned(), 25)
        });
        if tls == RelayTls::None && !is_this_machine(&host) {
            let message =
                "`mail.tls` may be \"none\" for a relay on this machine alone: mail would cross the network in clear";
            self.mistakes.add(self.text, at.clone(), message);
        }
        if public_url.is_none() {
            let message =
                "mail holds links to the portal: say `https.public_url`, such as \"https://portal.example.com\"";
            self.mistakes.add(self.text, at.clone(), message);
        }
        let from = match raw.from {
            Some(from) => self.mailbox(from),
            None => {
                let message = "mail has a sender: say `mail.from`, such as \"The firm <portal@example.com>\"";
                self.mistakes.add(self.text, at, message);
                None
            }
        };
        let authorities = self.path(raw.ca, Path::new(SYSTEM_AUTHORITIES));
        let login = self.relay_login(raw.user, raw.password_file, tls);
        Some(Mail {
            relay: Relay { host, port, tls, authorities, login },
            from: from?,
            public_url: public_url?,
            templates: raw.templates.map(|path| self.base.join(path.into_inner())),
            quiet,
            longest: longest.max(quiet),
            digest_hour: hour.and_then(|hour| u8::try_from(hour).ok()),
            document_names: raw.document_names.is_some_and(Spanned::into_inner),
            notify_participants: raw.notify_participants.is_some_and(Spanned::into_inner),
        })
    }

    fn mailbox(&mut self, from: Spanned<String>) -> Option<Mailbox> {
        let parsed = from.get_ref().parse::<Mailbox>().ok();
        // What stands in a header is one line; lettre encodes the rest.
        let parsed = parsed.filter(|_| from.get_ref().len() <= 300 && !from.get_ref().chars().any(char::is_control));
        if parsed.is_none() {
            let message = "`mail.from` must be one address, such as \"The firm <portal@example.com>\"";
            self.mistakes.add(self.text, Some(from.span()), message);
        }
        parsed
    }

    fn relay_login(&mut self, user: Item<String>, file: Item<PathBuf>, tls: RelayTls) -> Option<(String, PathBuf)> {
        let span = user.as_ref().map(Spanned::span).or(file.as_ref().map(Spanned::span))?;
        match (user, file) {
            (Some(_), Some(_)) if tls == RelayTls::None => {
                self.mistakes.add(self.text, Some(span), "a password is never sent without TLS: say `mail.tls`");
                None
            }
            (user @ Some(_), Some(file)) => {
                Some((self.line("mail.user", user, "", 254), self.base.join(file.into_inner())))
            }
            _ => {
                self.mistakes.add(self.text, Some(span), "`mail.user` and `mail.password_file` go together");
                None
            }
        }
    }

    /// An `https` address without query, fragment or login, with which links can begin.
    pub(super) fn public_url(&mut self, raw: Item<String>) -> Option<String> {
        let item = raw?;
        let url = item.get_ref().strip_suffix('/').unwrap_or(item.get_ref());
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/[]".contains(&c);
        let rest = url.strip_prefix("https://").filter(|rest| url.len() <= 200 && rest.bytes().all(plain));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
        if host.is_some_and(|host| host_and_port(&format!("{host}:1")).or(host_and_port(host)).is_some()) {
            return Some(url.to_owned());
        }
        let message =
            "`https.public_url` must be an address that starts with https://, such as \"https://portal.example.com\"";
        self.mistakes.add(self.text, Some(item.span()), message);
        None
    }
}

/// `smtp.example.com:587`, `192.0.2.1:25`, `[2001:db8::1]:25`.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().ok().map(|address| (address.to_string(), port));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    };
    (host.len() <= 253 && host.split('.').all(label)).then(|| (host.to_owned(), port))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
