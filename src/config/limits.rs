//! What the network may take of the daemon, as the firm sets it; `front` counts and cuts.

use std::time::Duration;

use toml::Spanned;

use super::checks::Checks;
use super::raw;
use super::recoverable::Item;

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;

/// The bounds on connections, time, sizes and work. Each has a default that suits a firm's single server; what happens
/// beyond it is in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time on each listener that belong to somebody who has logged in.
    pub connections: usize,
    /// Of these, by one account.
    pub connections_per_account: usize,
    /// Connections at a time on each listener of people who have not logged in yet. Who logs in leaves them.
    pub before_login: usize,
    /// Of these, from one address (an IPv6 /64 counts as one).
    pub before_login_per_address: usize,
    /// Passwords that wait to be checked at a time.
    pub passwords_waiting: usize,
    /// Of these, from one address.
    pub passwords_waiting_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// From accepting a connection to a finished login.
    pub login: Duration,
    /// How long an SFTP connection may pass no byte. Keep-alive messages count.
    pub idle: Duration,
    /// How long a WebDAV connection may stay without a request.
    pub idle_http: Duration,
    /// How long the head of an HTTP/1 request may take, counted from the end of the answer before it.
    pub header: Duration,
    /// How long a body may stand still, and over how long its rate is looked at.
    pub slow: Duration,
    /// Bytes per second that a body must move on average, in either direction, once it is behind by `slow`.
    pub slow_rate: u64,
    /// Requests at one time on one HTTP/2 connection.
    pub requests_per_connection: u32,
    /// WebDAV requests at one time of one account.
    pub requests_per_account: usize,
    /// Uploads at one time, by everybody and over both front ends.
    pub uploads: usize,
    /// Of these, by one account.
    pub uploads_per_account: usize,
    /// Documents open for reading at one time, by everybody and over both front ends. Each holds a file.
    pub documents: usize,
    /// Of these, by one account.
    pub documents_per_account: usize,
    /// Folders of one account that are being listed at one time over SFTP. Each holds its whole listing.
    pub folders_per_account: usize,
    /// SFTP channels in one connection.
    pub channels: usize,
    /// SFTP handles in one connection.
    pub handles: usize,
    /// Bytes of answers that may wait in one SFTP channel for a client that does not take them.
    pub queued_bytes: usize,
    /// Bytes that a client may send over one SSH connection beside SFTP: key exchanges, logins, noise.
    pub ssh_overhead_bytes: u64,
    /// Bytes of all headers of an HTTP request together.
    pub header_bytes: usize,
    /// Bytes of an XML request body.
    pub xml_bytes: usize,
    /// Bytes of one uploaded document.
    pub upload_bytes: u64,
}

/// File handles for everything that is not counted below: the catalog, the record, the listeners, a verb at the console.
const OTHER_FILES: u64 = 256;
/// File handles that one upload can need: its blob, its scratch file, the part that it goes on from.
const FILES_OF_AN_UPLOAD: u64 = 3;
/// Both listeners.
const LISTENERS: u64 = 2;

impl Limits {
    /// File handles that are needed if every limit is reached at once.
    pub fn files(&self) -> u64 {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let connections = count(self.connections).saturating_add(count(self.before_login)).saturating_mul(LISTENERS);
        let uploads = count(self.uploads).saturating_mul(FILES_OF_AN_UPLOAD);
        [connections, uploads, count(self.documents)].into_iter().fold(OTHER_FILES, u64::saturating_add)
    }

    /// The same limits where the system gives fewer file handles: what holds one is bounded in proportion, so that
    /// connections never use up the handles of storage.
    #[must_use]
    pub fn within(self, files: u64) -> Self {
        let (wanted, given) = (self.files() - OTHER_FILES, files.saturating_sub(OTHER_FILES));
        if wanted <= given {
            return self;
        }
        let share = |n: usize| {
            let scaled = u128::try_from(n).unwrap_or(u128::MAX).saturating_mul(given.into()) / u128::from(wanted);
            usize::try_from(scaled).unwrap_or(n).max(1)
        };
        Self {
            connections: share(self.connections),
            before_login: share(self.before_login),
            uploads: share(self.uploads),
            documents: share(self.documents),
            ..self
        }
    }
}

impl Checks<'_> {
    pub(super) fn limits(&mut self, raw: raw::Limits) -> Limits {
        let connections = self.count("connections", raw.connections, 2000, 100_000);
        let before_login = self.count("before_login", raw.before_login, 500, 100_000);
        let passwords_waiting = self.count("passwords_waiting", raw.passwords_waiting, 256, 10_000);
        let uploads = self.count("uploads", raw.uploads, 512, 100_000);
        let documents = self.count("documents", raw.documents, 4096, 1_000_000);
        let streams = self.limit("requests_per_connection", raw.requests_per_connection, 32, 1..=1000);
        Limits {
            connections_per_account: self.part(
                "connections_per_account",
                raw.connections_per_account,
                64,
                ("connections", connections),
            ),
            before_login_per_address: self.part(
                "before_login_per_address",
                raw.before_login_per_address,
                50,
                ("before_login", before_login),
            ),
            passwords_waiting_per_address: self.part(
                "passwords_waiting_per_address",
                raw.passwords_waiting_per_address,
                32,
                ("passwords_waiting", passwords_waiting),
            ),
            uploads_per_account: self.part("uploads_per_account", raw.uploads_per_account, 32, ("uploads", uploads)),
            documents_per_account: self.part(
                "documents_per_account",
                raw.documents_per_account,
                1024,
                ("documents", documents),
            ),
            connections,
            before_login,
            passwords_waiting,
            uploads,
            documents,
            handshake: self.seconds("handshake_seconds", raw.handshake_seconds, 10, 600),
            login: self.seconds("login_seconds", raw.login_seconds, 60, 600),
            idle: self.seconds("idle_seconds", raw.idle_seconds, 3600, 86_400),
            idle_http: self.seconds("idle_http_seconds", raw.idle_http_seconds, 120, 86_400),
            header: self.seconds("header_seconds", raw.header_seconds, 30, 600),
            slow: self.seconds("slow_seconds", raw.slow_seconds, 60, 3600),
            slow_rate: self.limit("slow_bytes_per_second", raw.slow_bytes_per_second, 1024, 1..=1 << 20),
            requests_per_connection: u32::try_from(streams).unwrap_or(u32::MAX),
            requests_per_account: self.count("requests_per_account", raw.requests_per_account, 128, 100_000),
            folders_per_account: self.count("folders_per_account", raw.folders_per_account, 64, 10_000),
            channels: self.count("channels_per_connection", raw.channels_per_connection, 4, 64),
            handles: self.count("handles_per_connection", raw.handles_per_connection, 256, 10_000),
            queued_bytes: size(self.limit("queued_kib", raw.queued_kib, 2048, 64..=65_536) * KIB),
            ssh_overhead_bytes: self.limit("ssh_overhead_kib", raw.ssh_overhead_kib, 256, 64..=1 << 20) * KIB,
            header_bytes: size(self.limit("header_kib", raw.header_kib, 32, 8..=128) * KIB),
            xml_bytes: size(self.limit("xml_kib", raw.xml_kib, 64, 4..=1024) * KIB),
            upload_bytes: self.limit("upload_gib", raw.upload_gib, 64, 1..=1024) * GIB,
        }
    }

    fn limit(&mut self, name: &str, item: Item<u64>, default: u64, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.number(&format!("limits.{name}"), item, default, range)
    }

    fn count(&mut self, name: &str, item: Item<u64>, default: u64, most: u64) -> usize {
        size(self.limit(name, item, default, 1..=most))
    }

    fn seconds(&mut self, name: &str, item: Item<u64>, default: u64, most: u64) -> Duration {
        Duration::from_secs(self.limit(name, item, default, 1..=most))
    }

    /// One's share of something that all have together. It cannot be more than the whole; a default gives way.
    fn part(&mut self, name: &str, item: Item<u64>, default: u64, (whole, most): (&str, usize)) -> usize {
        let span = item.as_ref().map(Spanned::span);
        let value = self.count(name, item, default, 1_000_000);
        if span.is_some() && value > most {
            let message = format!("`limits.{name}` must not be more than `limits.{whole}`, which is {most}");
            self.mistakes.add(self.text, span, message);
        }
        value.min(most)
    }
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn limits() -> Limits {
        crate::config::parse("", Path::new("x.toml")).expect("the defaults").limits
    }

    #[test]
    fn with_few_file_handles_every_count_shrinks_and_the_sum_fits() {
        let limits = limits();
        assert_eq!(limits.within(limits.files()), limits);
        for files in [1024, 4096] {
            let small = limits.within(files);
            assert!(small.files() <= files, "{} of {files}", small.files());
            assert!(small.connections < limits.connections && small.before_login < limits.before_login);
            assert!(small.documents < limits.documents && small.uploads < limits.uploads);
            assert_eq!(small.connections_per_account, limits.connections_per_account);
        }
        assert_eq!(limits.within(0).connections, 1, "it starts all the same");
    }
}
