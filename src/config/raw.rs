//! The configuration file as it is written: names and types only, nothing checked yet.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::recoverable::Item;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) firm: Item<String>,
    pub(super) data: Item<PathBuf>,
    pub(super) matter_types: Item<PathBuf>,
    pub(super) guards: Item<PathBuf>,
    pub(super) intake: Item<PathBuf>,
    pub(super) time_zone: Item<String>,
    pub(super) sftp: Sftp,
    pub(super) scanners: Scanners,
    pub(super) https: Https,
    pub(super) api: Api,
    pub(super) observe: Observe,
    pub(super) pages: Pages,
    pub(super) kv: Kv,
    pub(super) audit: Audit,
    pub(super) log: Log,
    pub(super) sandbox: Sandbox,
    pub(super) stop: Stop,
    pub(super) uploads: Uploads,
    pub(super) temporary_files: TemporaryFiles,
    pub(super) names: Names,
    pub(super) limits: Limits,
    pub(super) mail: Mail,
    pub(super) scan: Scan,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sftp {
    pub(super) enabled: Item<bool>,
    pub(super) listen: Item<String>,
    pub(super) host_keys: Option<Vec<Spanned<PathBuf>>>,
    pub(super) banner: Item<String>,
    pub(super) post_quantum_only: Item<bool>,
    pub(super) trusted_user_ca_keys: Item<PathBuf>,
    pub(super) revoked_keys: Item<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Scanners {
    pub(super) listen: Item<String>,
    pub(super) allow: Option<Vec<Spanned<String>>>,
    pub(super) until: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Https {
    pub(super) enabled: Item<bool>,
    pub(super) listen: Item<String>,
    pub(super) certificate: Item<PathBuf>,
    pub(super) key: Item<PathBuf>,
    pub(super) public_url: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Api {
    pub(super) enabled: Item<bool>,
    pub(super) administer: Item<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mail {
    pub(super) smtp: Item<String>,
    pub(super) tls: Item<String>,
    pub(super) ca: Item<PathBuf>,
    pub(super) user: Item<String>,
    pub(super) password_file: Item<PathBuf>,
    pub(super) from: Item<String>,
    pub(super) templates: Item<PathBuf>,
    pub(super) quiet_seconds: Item<u64>,
    pub(super) longest_seconds: Item<u64>,
    pub(super) digest_hour: Item<u64>,
    pub(super) document_names: Item<bool>,
    pub(super) notify_participants: Item<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Scan {
    pub(super) clamd: Item<String>,
    pub(super) who: Option<Vec<Spanned<String>>>,
    pub(super) max_mib: Item<u64>,
    pub(super) longer: Item<String>,
    pub(super) timeout_seconds: Item<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Observe {
    pub(super) enabled: Item<bool>,
    pub(super) listen: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pages {
    pub(super) colour: Item<String>,
    pub(super) logo: Item<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Kv {
    pub(super) engine: Item<String>,
    pub(super) cache_mib: Item<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Audit {
    pub(super) origin: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) format: Item<String>,
    pub(super) filter: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sandbox {
    pub(super) landlock: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Stop {
    pub(super) drain_seconds: Item<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Uploads {
    pub(super) fresh_minutes: Item<u64>,
    pub(super) grace_seconds: Item<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TemporaryFiles {
    pub(super) named_after: Option<Vec<Spanned<String>>>,
    pub(super) unnamed: Option<Vec<Spanned<String>>>,
    pub(super) beside: Option<Vec<Spanned<String>>>,
    pub(super) folders: Option<Vec<Spanned<String>>>,
    pub(super) keep_hours: Item<u64>,
    pub(super) save_seconds: Item<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Names {
    pub(super) windows: Item<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) connections: Item<u64>,
    pub(super) connections_per_account: Item<u64>,
    pub(super) before_login: Item<u64>,
    pub(super) before_login_per_address: Item<u64>,
    pub(super) passwords_waiting: Item<u64>,
    pub(super) passwords_waiting_per_address: Item<u64>,
    pub(super) handshake_seconds: Item<u64>,
    pub(super) login_seconds: Item<u64>,
    pub(super) idle_seconds: Item<u64>,
    pub(super) idle_http_seconds: Item<u64>,
    pub(super) header_seconds: Item<u64>,
    pub(super) slow_seconds: Item<u64>,
    pub(super) slow_bytes_per_second: Item<u64>,
    pub(super) requests_per_connection: Item<u64>,
    pub(super) requests_per_account: Item<u64>,
    pub(super) uploads: Item<u64>,
    pub(super) uploads_per_account: Item<u64>,
    pub(super) documents: Item<u64>,
    pub(super) documents_per_account: Item<u64>,
    pub(super) folders_per_account: Item<u64>,
    pub(super) channels_per_connection: Item<u64>,
    pub(super) handles_per_connection: Item<u64>,
    pub(super) queued_kib: Item<u64>,
    pub(super) ssh_overhead_kib: Item<u64>,
    pub(super) header_kib: Item<u64>,
    pub(super) xml_kib: Item<u64>,
    pub(super) upload_gib: Item<u64>,
}
