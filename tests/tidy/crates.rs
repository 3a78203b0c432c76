//! Types of protocols, ciphers and engines stay where they are spoken: which crate may be named in which files.

use crate::no_findings;
use crate::source::{Source, library};

/// Crates, and the beginnings of the paths of the files that may name them.
const HOMES: &[(&[&str], &[&str])] = &[
    // SSH is spoken behind one door. `setup/` writes and reads keys in OpenSSH's file formats with the same crate.
    (&["russh"], &["src/front/sftp/", "src/cli/setup/ssh.rs", "src/cli/setup/user_keys.rs"]),
    // HTTP behind another, and on the loopback listener for metrics and health.
    (
        &["hyper", "hyper_util", "h2", "http", "http_body", "http_body_util"],
        &[
            "src/front/webdav/",
            "src/front/web/",
            "src/front/api/",
            "src/front/http_",
            "src/front/routed.rs",
            "src/front/site.rs",
            "src/observe",
        ],
    ),
    // Requests of the pages and the API are routed, pages rendered in one place.
    (&["axum"], &["src/front/web/", "src/front/api/", "src/front/routed.rs"]),
    (&["askama", "qrcode", "zip"], &["src/front/web/"]),
    (&["quick_xml"], &["src/front/webdav/"]),
    (&["httpdate"], &["src/front/webdav/", "src/front/http_conditions.rs"]),
    (&["percent_encoding"], &["src/front/segments.rs", "src/gate/factor.rs"]),
    // Only the gate knows what a right code is.
    (&["totp_rs"], &["src/gate/factor.rs"]),
    (&["rustls", "tokio_rustls"], &["src/front/webdav/", "src/daemon/tls.rs", "src/cli/setup/tls.rs"]),
    (&["rcgen"], &["src/cli/setup/tls.rs"]),
    // age: documents and keys. Nobody else can make or open one.
    (&["age", "age_core", "bech32"], &["src/keys/", "src/vault/"]),
    // The language of guards; the rest sees questions and answers.
    (&["cedar_policy"], &["src/policy/guards/"]),
    // What the firm writes about names of files is compiled, with its bounds, in one place.
    (&["regex"], &["src/intake/rules/"]),
    // Mail: messages and SMTP, and what an address is.
    (&["lettre"], &["src/notify/", "src/config/mail.rs"]),
    (&["minijinja"], &["src/notify/"]),
    // One file per engine knows its engine; the rest sees `kv::Engine`.
    (&["redb"], &["src/kv/redb_"]),
    (&["sled"], &["src/kv/sled_"]),
    // What is asked of the kernel and of the service manager is asked in one place each.
    (&["landlock"], &["src/daemon/sandbox.rs"]),
    (&["listenfd"], &["src/daemon/sockets.rs"]),
    (&["sd_notify"], &["src/daemon/systemd.rs"]),
    (&["region"], &["src/keys/locked.rs"]),
    (&["clap"], &["src/cli/"]),
    (&["metrics_exporter_prometheus", "tracing_subscriber"], &["src/observe"]),
];

/// Whatever decides or speaks a protocol does not touch the disk; these do.
const DISK: &[&str] =
    &["src/audit/", "src/keys/", "src/kv/", "src/vault/", "src/config/", "src/cli/", "src/daemon/", "src/observe"];

/// What a pure function has no use for.
const IMPURE: &[&str] =
    &["std::fs", "std::net", "std::process", "std::thread", "std::env", "tokio", "SystemTime", "Instant", "getrandom"];

/// Does the code name this at the start of a path?
fn names(source: &Source, path: &str) -> Option<usize> {
    let code = &source.shipped;
    code.match_indices(path).map(|(at, _)| at).find(|at| {
        let before = code[..*at].trim_end();
        let starts = !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_') && !before.ends_with("::");
        let rest = &code[at + path.len()..];
        let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let path_or_use = rest.starts_with("::") || before.ends_with("use") || path.contains("::");
        starts && ends && path_or_use
    })
}

fn findings(paths: &[&str], homes: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in library().iter().filter(|source| !homes.iter().any(|home| source.path.starts_with(home))) {
        for path in paths {
            if let Some(at) = names(source, path) {
                findings.push(format!("{}:{}: `{path}`", source.path, source.line(at)));
            }
        }
    }
    findings
}

#[test]
fn protocols_ciphers_and_engines_stay_at_home() {
    let found = HOMES.iter().flat_map(|(crates, homes)| findings(crates, homes)).collect();
    no_findings("a crate is named outside of its home (tests/tidy/crates.rs):", found);
}

#[test]
fn only_the_storing_modules_touch_the_disk() {
    no_findings("files are opened where none should be:", findings(&["std::fs", "tokio::fs", "rustix::fs"], DISK));
}

#[test]
fn decisions_are_pure() {
    let mut found = Vec::new();
    for source in library().iter().filter(|source| source.path.starts_with("src/policy/")) {
        for path in IMPURE {
            if source.shipped.contains(path) {
                found.push(format!("{}: `{path}`", source.path));
            }
        }
    }
    no_findings("the policy must depend on its arguments alone:", found);
}
