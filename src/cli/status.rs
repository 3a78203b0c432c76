//! `deedbox status`: how the daemon is.

use clap::Args;
use serde::Serialize;

use super::mail;
use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use crate::daemon::{Addresses, Recovery, Sandbox};
use crate::names::Timestamp;
use crate::observe::Subject as _;

/// Print versions, listeners, counts and health
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox status --data /srv/deedbox --json\n\n\
                        Exit code: 0 if a daemon runs and can serve documents, 1 if not.")]
pub(crate) struct Status {}

/// How the daemon is.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    running: bool,
    ready: bool,
    problem: Option<String>,
    firm: String,
    data: std::path::PathBuf,
    uptime_seconds: u64,
    listeners: Addresses,
    sandbox: Option<Sandbox>,
    keys_locked: bool,
    sessions: usize,
    matters: usize,
    matter_types: usize,
    contacts: usize,
    accounts: usize,
    audit: AuditReport,
    catalog: CatalogReport,
    /// Nothing where mail is switched off.
    mail: Option<mail::Report>,
    recovery: Recovery,
    /// How many blobs that no version names were removed; nothing while they are looked for.
    unnamed_blobs: Option<usize>,
}

#[derive(Debug, Serialize)]
struct AuditReport {
    records: u64,
    origin: String,
    key: String,
    checkpoint_records: u64,
    checkpoint_root: String,
    checkpoint_time: String,
}

#[derive(Debug, Serialize)]
struct CatalogReport {
    engine: &'static str,
    commit: u64,
}

pub(super) async fn run(operator: &Operator<'_>) -> Result<Reply, Problem> {
    operator.look("status", "", None).await?;
    let core = operator.core();
    let log = core.log().clone();
    let checkpoint = super::operator::blocking(move || log.checkpoint()).await?;
    let firm = operator.firm();
    let problem = core.problem();
    let (checkpoint_records, checkpoint_root) = match &checkpoint {
        Ok((checkpoint, _)) => (checkpoint.size, hex::encode(checkpoint.root)),
        Err(_) => (0, String::new()),
    };
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        running: core.is_daemon(),
        ready: problem.is_none() && core.is_daemon(),
        problem,
        firm: core.settings().firm.clone(),
        data: core.settings().data.path().to_owned(),
        uptime_seconds: core.started().elapsed().as_secs(),
        listeners: core.addresses(),
        sandbox: core.live().map(|live| live.sandbox().clone()),
        keys_locked: core.keyring().is_locked(),
        sessions: core.gate().open_sessions(),
        matters: firm.matters().count(),
        matter_types: firm.matter_types().len(),
        contacts: firm.contacts().len(),
        accounts: firm.accounts().len(),
        audit: AuditReport {
            records: core.log().size(),
            origin: core.settings().audit_origin.clone(),
            key: core.log().verify_key().to_string(),
            checkpoint_records,
            checkpoint_root,
            checkpoint_time: Timestamp::now().to_string(),
        },
        mail: mail::report(operator).await?,
        catalog: CatalogReport { engine: core.engine().name(), commit: core.engine().last_commit() },
        recovery: core.recovery().clone(),
        unnamed_blobs: core.unnamed_blobs(),
    };
    let text = text(&report).doing("write the report")?;
    let well = report.ready;
    Ok(Reply::new(&report, text)?.negative(!well))
}

fn text(report: &Report) -> Result<String, std::fmt::Error> {
    use std::fmt::Write as _;
    let mut text = String::new();
    let state = match (&report.problem, report.running) {
        (None, true) => "runs and serves documents".to_owned(),
        (Some(why), true) => format!("runs, but serves no documents: {why}"),
        (None, false) => "does not run; the data directory is sound".to_owned(),
        (Some(why), false) => format!("does not run; {why}"),
    };
    writeln!(text, "Deedbox {} for {} {state}.", report.version, report.firm)?;
    writeln!(text, "Data       {}", report.data.display())?;
    if report.running {
        let at = |address: Option<std::net::SocketAddr>| address.map_or("off".to_owned(), |at| at.to_string());
        let listeners = report.listeners;
        writeln!(
            text,
            "Listening  sftp {}, https {}, observe {}",
            at(listeners.sftp),
            at(listeners.https),
            at(listeners.observe)
        )?;
        if let Some(sandbox) = &report.sandbox {
            writeln!(text, "Sandbox    {sandbox}")?;
        }
        let swap =
            if report.keys_locked { "kept out of swap" } else { "may be swapped out: RLIMIT_MEMLOCK has no room" };
        writeln!(text, "Keys       {swap}")?;
        writeln!(text, "Running    {} s, {} sessions open", report.uptime_seconds, report.sessions)?;
    }
    writeln!(
        text,
        "Firm       {} matters, {} matter types, {} contacts, {} accounts",
        report.matters, report.matter_types, report.contacts, report.accounts
    )?;
    let audit = &report.audit;
    writeln!(
        text,
        "Audit      {} records; checkpoint over {} at {}, root {}",
        audit.records, audit.checkpoint_records, audit.checkpoint_time, audit.checkpoint_root
    )?;
    writeln!(text, "           key {}", audit.key)?;
    writeln!(text, "Catalog    {}, commit {}", report.catalog.engine, report.catalog.commit)?;
    if let Some(mail) = &report.mail {
        writeln!(text, "Mail       {mail}")?;
    }
    match report.recovery.ended_cleanly {
        true => writeln!(text, "Last run   ended cleanly")?,
        false => {
            let swept = report.unnamed_blobs.map_or("still looked for".to_owned(), |count| format!("{count} removed"));
            writeln!(
                text,
                "Last run   did not end cleanly: {}; blobs that no version names: {swept}",
                report.recovery
            )?;
        }
    }
    Ok(text)
}
