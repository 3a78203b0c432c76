//! `deedbox check --deep`: catalog, blobs and audit record bear each other out.
//!
//! On a stopped directory this process takes the lock and reads everything itself; nothing is written, so what a crash left
//! is told and stays for the next start. Beside a daemon the daemon reads, since only it may have the catalog open.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::record::compare;
use super::report::Report;
use crate::audit::{self, AuditKeys, Checks, VerifyReport};
use crate::cli::dir_lock::DirLock;
use crate::cli::operator::{Operator, blocking};
use crate::cli::problem::Problem;
use crate::cli::reply::Reply;
use crate::cli::{Request, control};
use crate::config::{self, Settings};
use crate::keys::Keyring;
use crate::kv::{self, EngineKind, SealKeys, SealedStore};
use crate::practice::{Firm, Practice};
use crate::vault::blobs::BlobStore;
use crate::vault::check::{Check, Finding, Progress, Root};
use crate::vfs::structure_path;

/// How often progress is told to a person, and to a log.
const TELL_TERMINAL: Duration = Duration::from_millis(500);
const TELL_LOG: Duration = Duration::from_secs(30);
/// How long it waits for a directory that another verb has open.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

const RESTORE_RECORD: &str = "restore the audit record from its copy; `deedbox audit verify` tells more";
const RESTORE_KEYS: &str = "restore the keys from a backup";
const RESTORE_CATALOG: &str = "restore the catalog from a backup that is not older than the audit record";
const CHANGE_FILE: &str = "change it as the message says";
const MOVE_AWAY: &str =
    "no operation was under way that could have left it; find out who put it there, and move it away";

pub(super) fn run(settings: &Settings, mistakes: Vec<String>) -> Result<Reply, Problem> {
    let started = Instant::now();
    let mut report = loop {
        let asked = crate::cli::runtime()?.block_on(control::ask(&settings.data.socket(), &Request::CheckDeep));
        if let Some(answer) = asked {
            break serde_json::from_value(answer?.data).map_err(Problem::failed)?;
        }
        match DirLock::take(&settings.data) {
            Ok(_lock) => break stopped(settings),
            Err(_) if started.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(problem) => return Err(problem),
        }
    };
    mistakes.into_iter().for_each(|mistake| report.find(&Finding::new(mistake, CHANGE_FILE)));
    report.reply()
}

/// Nobody works on the directory.
fn stopped(settings: &Settings) -> Report {
    let mut report = Report::default();
    // Each part needs those before it; what cannot be opened is the last finding.
    if let Err(finding) = look(settings, &mut report) {
        report.find(&finding);
        report.skipped.push("everything after that, which needs it".to_owned());
    }
    report
}

fn look(settings: &Settings, report: &mut Report) -> Result<(), Box<Finding>> {
    let data = &settings.data;
    let keyring = Keyring::open(&data.keys()).map_err(|why| Box::new(Finding::new(why.to_string(), RESTORE_KEYS)))?;
    let keyring = Arc::new(keyring);
    let record = verified(settings, &keyring, report);

    let catalog = |why: kv::Error| Box::new(Finding::new(why.to_string(), RESTORE_CATALOG));
    if !kv::is_present(&data.catalog()) {
        return Err(Box::new(Finding::new("the catalog is missing", RESTORE_CATALOG).file(data.catalog())));
    }
    let kind = match settings.kv.engine {
        config::Engine::Redb => EngineKind::Redb,
        config::Engine::Sled => EngineKind::Sled,
    };
    let engine = kv::open(kind, &data.catalog(), kv::Settings { cache_bytes: settings.kv.cache_bytes });
    let engine = engine.map_err(catalog)?;
    let commit = engine.last_commit();
    report.checked.catalog_commit = commit;
    if let Some(known) = record.as_ref().map(|record| record.catalog).filter(|known| *known > commit) {
        let what =
            format!("the catalog went back in time: its last commit is {commit}, the audit record knows of {known}");
        report.find(&Finding::new(what, RESTORE_CATALOG));
    }
    if !engine.check_integrity().map_err(catalog)? {
        let what = format!("the {} store of the catalog is damaged", engine.name());
        report.find(&Finding::new(what, RESTORE_CATALOG).file(data.catalog()));
    }
    let (seal, names) = keyring.catalog_keys();
    let store = Arc::new(SealedStore::new(engine, &SealKeys::new(*seal, *names)).map_err(catalog)?);
    let practice = Practice::open(store.clone());
    let firm =
        practice.map_err(|why| Box::new(Finding::new(format!("the firm's records: {why}"), RESTORE_CATALOG)))?.firm();
    keys_of_matters(&firm, &keyring, report);

    let existing = |dir: &Path| {
        BlobStore::existing(dir)
            .map_err(|why| Box::new(Finding::new(why.to_string(), "let openssl.cnf allow the cipher")))
    };
    let (blobs, staging) = (existing(&data.blobs())?, existing(&data.staging())?);
    let check = Check::stopped(store, blobs.clone(), staging, keyring.clone(), roots(&firm));
    let found = check.run(&teller());
    report.examined(&found);
    report.checked.matters = firm.matters().count() as u64;
    match &record {
        Some(record) => against_record(settings, &keyring, (&check, &found.versions), record.size, report),
        None => report.skipped.push("whether every version is in the audit record, since that is damaged".to_owned()),
    }
    // Only what ended in the middle leaves a blob behind.
    let crashed = record.is_none_or(|record| !record.closed);
    if crashed && !found.orphans.is_empty() {
        report.leftovers.push(format!("{} blobs that no version names", found.orphans.len()));
    }
    for blob in found.orphans.into_iter().filter(|_| !crashed) {
        report.find(&Finding::new(format!("no version names blob {blob}"), MOVE_AWAY).blob(blob, blobs.path(&blob)));
    }
    Ok(())
}

/// Verifies the audit record with all keys of the firm; nothing if it is not as it should be.
fn verified(settings: &Settings, keyring: &Keyring, report: &mut Report) -> Option<VerifyReport> {
    let keys = audit_keys(keyring);
    let key = keys.verify_key(&settings.audit_origin).ok()?;
    let read_keys = keys.read_keys();
    let checks = Checks { key: Some(&key), known: None, keys: Some(&read_keys) };
    match audit::verify_with(&settings.data.audit(), checks) {
        Ok(record) => {
            report.checked.audit_records = record.size;
            if record.open > 0 {
                report.leftovers.push(format!("{} operations without outcome in the audit record", record.open));
            }
            if record.torn_bytes > 0 {
                report.leftovers.push(format!("{} bytes of a torn end of the audit record", record.torn_bytes));
            }
            Some(record)
        }
        Err(why) => {
            let what = format!("the audit record is damaged: {why}");
            report.find(&Finding::new(what, RESTORE_RECORD).record(why.record()));
            None
        }
    }
}

fn audit_keys(keyring: &Keyring) -> AuditKeys {
    let secrets = keyring.audit_keys();
    AuditKeys { signing_seed: secrets.signing_seed, body_key: secrets.body_key, tag_key: secrets.tag_key }
}

/// Every matter's key opens, those without documents included.
fn keys_of_matters(firm: &Firm, keyring: &Keyring, report: &mut Report) {
    for matter in firm.matters() {
        if let Err(why) = keyring.matter(matter.id) {
            let what = format!("the key of matter {} cannot be opened: {why}", matter.number);
            report.find(&Finding::new(what, RESTORE_KEYS));
        }
    }
}

fn roots(firm: &Firm) -> Vec<Root> {
    let of = |matter: &Arc<crate::practice::Matter>| {
        let folders = matter.folders.iter();
        let roots =
            folders.map(|folder| Root { node: folder.id, matter: matter.id, path: structure_path(matter, folder.id) });
        roots.collect::<Vec<_>>()
    };
    firm.matters().flat_map(of).collect()
}

fn against_record(
    settings: &Settings,
    keyring: &Keyring,
    (check, versions): (&Check, &std::collections::HashMap<crate::names::BlobId, crate::vault::check::Stored>),
    before: u64,
    report: &mut Report,
) {
    let keys = audit_keys(keyring).read_keys();
    match compare(&settings.data.audit(), &keys, versions, before, check) {
        Ok(findings) => report.take(&findings),
        Err(why) => report.find(&Finding::new(why.to_string(), RESTORE_RECORD).record(why.record())),
    }
}

/// Beside the daemon, in it: the same, but for what only a stopped directory shows.
pub(crate) async fn beside_the_daemon(operator: &Operator<'_>) -> Result<Reply, Problem> {
    let core = operator.core();
    let (firm, settings, keyring) = (operator.firm(), core.settings().clone(), core.keyring().clone());
    let (log, commit) = (core.log().clone(), core.engine().last_commit());
    let look = move |vfs: &crate::vfs::Vfs, permit: &_| Ok(vfs.check(permit, roots(&firm)));
    let check = operator.inspect(("check deep", "", None), look).await?;
    let firm = operator.firm();
    let report = blocking(move || {
        let mut report = Report::default();
        report.checked.catalog_commit = commit;
        keys_of_matters(&firm, &keyring, &mut report);
        let before = log.size();
        let found = check.run(&|_| {});
        report.examined(&found);
        report.checked.matters = firm.matters().count() as u64;
        match verified(&settings, &keyring, &mut report) {
            Some(_) => against_record(&settings, &keyring, (&check, &found.versions), before, &mut report),
            None => {
                report.skipped.push("whether every version is in the audit record, since that is damaged".to_owned())
            }
        }
        // What is under way is no leftover.
        report.leftovers.clear();
        let only_stopped =
            "the store of the catalog by its own checksums, and files that nothing names: stop the daemon for these";
        report.skipped.push(only_stopped.to_owned());
        report
    })
    .await?;
    report.reply()
}

/// Tells on standard error how far the check has come: a line that rewrites itself on a terminal, now and then a line
/// elsewhere.
fn teller() -> impl Fn(Progress) + Sync {
    let terminal = std::io::stderr().is_terminal();
    let every = if terminal { TELL_TERMINAL } else { TELL_LOG };
    let last = Mutex::new(Instant::now());
    move |so_far: Progress| {
        let Some(mut last) = last.try_lock().filter(|last| last.elapsed() >= every) else { return };
        *last = Instant::now();
        let (versions, mib) = (so_far.versions, so_far.bytes >> 20);
        if terminal {
            eprint!("\r{versions} versions, {mib} MiB read ");
        } else {
            eprintln!("{versions} versions, {mib} MiB read");
        }
    }
}
