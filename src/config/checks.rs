//! From what is written to what is meant: defaults, ranges, addresses. A mistake is noted and a harmless value stands in
//! for it, so that the checks go on to the next one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use toml::Spanned;

use super::mistakes::Mistakes;
use super::raw::{self, Raw};
use super::recoverable::Item;
use super::{
    Api, Colour, DataDir, Engine, Https, Kv, Log, LogFormat, Pages, Sandbox, Settings, Sftp, Uploads, UserKeys,
};
use crate::names::WindowsNames;

pub(super) const MIB: u64 = 1 << 20;
/// Clients show it whole, each time.
const MAX_BANNER_BYTES: usize = 4096;
/// All are announced in one packet, and a login takes as many signatures.
const MAX_HOST_KEYS: usize = 16;

pub(super) struct Checks<'a> {
    pub(super) text: &'a str,
    pub(super) source: &'a Path,
    pub(super) base: &'a Path,
    pub(super) mistakes: &'a mut Mistakes,
}

impl Checks<'_> {
    pub(super) fn settings(&mut self, mut raw: Raw) -> Settings {
        let data = DataDir::new(self.path(raw.data, Path::new(".")));
        let firm = self.line("firm", raw.firm, "The firm", 200);
        let public_url = self.public_url(raw.https.public_url.take());
        let time_zone = self.time_zone(raw.time_zone);
        let host_keys = self.host_keys(raw.sftp.host_keys.take(), &data);
        let file = |item: &mut Item<PathBuf>| item.take().map(|path| self.base.join(path.into_inner()));
        let user_keys = UserKeys {
            trusted_user_ca_keys: file(&mut raw.sftp.trusted_user_ca_keys),
            revoked_keys: file(&mut raw.sftp.revoked_keys),
        };
        let sftp = self.sftp(raw.sftp, host_keys.clone());
        let https = self.https(raw.https, &data);
        let observe = self.observe(raw.observe);
        let others = [
            ("sftp.listen", sftp.as_ref().map(|sftp| sftp.listen)),
            ("https.listen", https.as_ref().map(|https| https.listen)),
            ("observe.listen", observe),
        ];
        let scanners = self.scanners(raw.scanners, host_keys, &time_zone, &others);
        Settings {
            mail: self.mail(raw.mail, public_url.clone()),
            public_url,
            matter_types: raw.matter_types.map(|path| self.base.join(path.into_inner())),
            guards: raw.guards.map(|path| self.base.join(path.into_inner())),
            intake: raw.intake.map(|path| self.base.join(path.into_inner())),
            time_zone,
            sftp,
            scanners,
            user_keys,
            https,
            api: Api { enabled: on(raw.api.enabled), administer: raw.api.administer.is_some_and(Spanned::into_inner) },
            observe,
            pages: self.pages(raw.pages),
            kv: self.kv(raw.kv),
            audit_origin: self.origin(raw.audit.origin),
            log: self.log(raw.log),
            sandbox: self.sandbox(raw.sandbox),
            drain: Duration::from_secs(self.number("stop.drain_seconds", raw.stop.drain_seconds, 30, 0..=600)),
            uploads: self.uploads(raw.uploads),
            temporary_files: self.temporary_files(raw.temporary_files),
            windows_names: self.names(raw.names),
            scan: self.scan(raw.scan),
            limits: self.limits(raw.limits),
            source: self.source.to_owned(),
            firm,
            data,
        }
    }

    /// From the rules that are built in: the system's lie outside of what a confined daemon can read at a reload.
    fn time_zone(&mut self, raw: Item<String>) -> TimeZone {
        let Some(item) = raw else { return TimeZone::UTC };
        TimeZoneDatabase::bundled().get(item.get_ref()).unwrap_or_else(|_| {
            let message = "`time_zone` must be a name of the IANA time zone database, such as \"Europe/Berlin\"";
            self.mistakes.add(self.text, Some(item.span()), message);
            TimeZone::UTC
        })
    }

    fn host_keys(&mut self, raw: Option<Vec<Spanned<PathBuf>>>, data: &DataDir) -> Vec<PathBuf> {
        if let Some(excess) = raw.as_ref().and_then(|paths| paths.get(MAX_HOST_KEYS)) {
            let message = format!("`sftp.host_keys` can name {MAX_HOST_KEYS} files at most");
            self.mistakes.add(self.text, Some(excess.span()), message);
        }
        match raw {
            Some(paths) => paths.into_iter().map(|path| self.base.join(path.into_inner())).collect(),
            None => ["ssh_host_ed25519_key", "ssh_host_rsa_key"].map(|name| data.ssh_keys().join(name)).into(),
        }
    }

    fn sftp(&mut self, raw: raw::Sftp, host_keys: Vec<PathBuf>) -> Option<Sftp> {
        let listen = self.address("sftp.listen", raw.listen, (Ipv4Addr::UNSPECIFIED, 2022).into());
        let banner = self.banner(raw.banner);
        let post_quantum_only = raw.post_quantum_only.is_some_and(Spanned::into_inner);
        on(raw.enabled).then_some(Sftp { listen, host_keys, banner, post_quantum_only })
    }

    /// RFC 4252 section 5.4: lines end with CR LF, and control characters are not for people's terminals.
    fn banner(&mut self, raw: Item<String>) -> Option<String> {
        let item = raw?;
        let text = item.get_ref().trim_end();
        let fits = (1..=MAX_BANNER_BYTES).contains(&text.len());
        if fits && !text.lines().any(|line| line.chars().any(char::is_control)) {
            return Some(text.lines().flat_map(|line| [line, "\r\n"]).collect());
        }
        let message =
            format!("`sftp.banner` must be text of 1 to {MAX_BANNER_BYTES} bytes, without control characters");
        self.mistakes.add(self.text, Some(item.span()), message);
        None
    }

    fn https(&mut self, raw: raw::Https, data: &DataDir) -> Option<Https> {
        let listen = self.address("https.listen", raw.listen, (Ipv4Addr::UNSPECIFIED, 8443).into());
        let certificate = self.path(raw.certificate, &data.certs().join("server.pem"));
        let key = self.path(raw.key, &data.certs().join("server.key"));
        on(raw.enabled).then_some(Https { listen, certificate, key })
    }

    fn observe(&mut self, raw: raw::Observe) -> Option<SocketAddr> {
        let span = raw.listen.as_ref().map(Spanned::span);
        let listen = self.address("observe.listen", raw.listen, (Ipv4Addr::LOCALHOST, 9464).into());
        if !listen.ip().is_loopback() {
            let message =
                "`observe.listen` must be a loopback address: metrics and health are answered without a login";
            self.mistakes.add(self.text, span, message);
        }
        on(raw.enabled).then_some(listen)
    }

    fn pages(&mut self, raw: raw::Pages) -> Pages {
        let colour = raw.colour.and_then(|item| match Colour::parse(item.get_ref()) {
            Ok(colour) => Some(colour),
            Err(why) => {
                self.mistakes.add(self.text, Some(item.span()), format!("`pages.colour` {why}"));
                None
            }
        });
        Pages { colour, logo: raw.logo.map(|path| self.base.join(path.into_inner())) }
    }

    fn kv(&mut self, raw: raw::Kv) -> Kv {
        let engine_span = raw.engine.as_ref().map(Spanned::span);
        let engine =
            self.word("kv.engine", raw.engine, Engine::Redb, &[("redb", Engine::Redb), ("sled", Engine::Sled)]);
        let cache_bytes = self.number("kv.cache_mib", raw.cache_mib, 128, 8..=64 * 1024) * MIB;
        Kv { engine, engine_span, cache_bytes: usize::try_from(cache_bytes).unwrap_or(usize::MAX) }
    }

    /// C2SP tlog-checkpoint: the origin is a non-empty line; signed-note key names allow no spaces and no plus sign.
    fn origin(&mut self, raw: Item<String>) -> String {
        let span = raw.as_ref().map(Spanned::span);
        let origin = self.line("audit.origin", raw, "deedbox.example/audit", 200);
        if origin.chars().any(|c| c.is_whitespace() || c == '+') {
            self.mistakes.add(self.text, span, "`audit.origin` must not contain spaces or `+`");
        }
        origin
    }

    fn log(&mut self, raw: raw::Log) -> Log {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let format = self.word("log.format", raw.format, LogFormat::Text, &formats);
        let span = raw.filter.as_ref().map(Spanned::span);
        let filter = self.line("log.filter", raw.filter, "info", 1000);
        if let Some(wrong) = filter.split(',').find(|directive| !is_log_directive(directive.trim())) {
            let message = format!(
                "`log.filter` is a list such as \"info,deedbox::front=debug\" of the levels off, error, warn, info, debug \
                 and trace; `{wrong}` is none of it"
            );
            self.mistakes.add(self.text, span, message);
        }
        Log { format, filter }
    }

    fn sandbox(&mut self, raw: raw::Sandbox) -> Sandbox {
        let words = [("try", Sandbox::Try), ("require", Sandbox::Require), ("off", Sandbox::Off)];
        self.word("sandbox.landlock", raw.landlock, Sandbox::Try, &words)
    }

    fn uploads(&mut self, raw: raw::Uploads) -> Uploads {
        let minutes = self.number("uploads.fresh_minutes", raw.fresh_minutes, 15, 0..=24 * 60);
        let grace = self.number("uploads.grace_seconds", raw.grace_seconds, 60, 0..=3600);
        Uploads { fresh: Duration::from_secs(minutes * 60), grace: Duration::from_secs(grace) }
    }

    fn names(&mut self, raw: raw::Names) -> WindowsNames {
        let words = [("allow", WindowsNames::Allow), ("refuse", WindowsNames::Refuse)];
        self.word("names.windows", raw.windows, WindowsNames::default(), &words)
    }

    pub(super) fn path(&self, item: Item<PathBuf>, default: &Path) -> PathBuf {
        let path = item.map_or_else(|| default.to_owned(), Spanned::into_inner);
        // `base/.` reads badly in messages and unit files.
        if path == Path::new(".") { self.base.to_owned() } else { self.base.join(path) }
    }

    pub(super) fn address(&mut self, name: &str, item: Item<String>, default: SocketAddr) -> SocketAddr {
        let Some(item) = item else { return default };
        item.get_ref().parse().unwrap_or_else(|_| {
            let message =
                format!("`{name}` must be an address and a port, such as \"127.0.0.1:2022\" or \"[::]:2022\"");
            self.mistakes.add(self.text, Some(item.span()), message);
            default
        })
    }

    pub(super) fn number(
        &mut self,
        name: &str,
        item: Item<u64>,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> u64 {
        let Some(item) = item else { return default };
        let value = *item.get_ref();
        if range.contains(&value) {
            return value;
        }
        let message = format!("`{name}` must be between {} and {}", range.start(), range.end());
        self.mistakes.add(self.text, Some(item.span()), message);
        default
    }

    pub(super) fn word<T: Copy>(&mut self, name: &str, item: Item<String>, default: T, words: &[(&str, T)]) -> T {
        let Some(item) = item else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| word == item.get_ref()) {
            return *value;
        }
        let known: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.mistakes.add(self.text, Some(item.span()), format!("`{name}` must be {}", known.join(" or ")));
        default
    }

    pub(super) fn line(&mut self, name: &str, item: Item<String>, default: &str, most: usize) -> String {
        let Some(item) = item else { return default.to_owned() };
        let value = item.get_ref();
        if value.is_empty() || value.len() > most || value.chars().any(char::is_control) {
            let message = format!("`{name}` must be one line of 1 to {most} bytes");
            self.mistakes.add(self.text, Some(item.span()), message);
            return default.to_owned();
        }
        item.into_inner()
    }
}

/// `LEVEL`, or `MODULE=LEVEL`.
fn is_log_directive(directive: &str) -> bool {
    let (module, level) = directive.split_once('=').unwrap_or(("deedbox", directive));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let level = level.to_ascii_lowercase();
    !module.is_empty()
        && module.chars().all(word)
        && ["off", "error", "warn", "info", "debug", "trace"].contains(&level.as_str())
}

fn on(item: Item<bool>) -> bool {
    item.is_none_or(Spanned::into_inner)
}
