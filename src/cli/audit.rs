//! `deedbox audit`: the record of what happened. Every verb reads files alone, of a live directory or of a copy.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;

use super::problem::{Doing as _, Problem};
use super::reply::{Reply, printable};
use super::{Global, Request, matter};
use crate::audit::{self, Checks, Filter, ReadKeys, VerifyKey};
use crate::keys::Keyring;
use crate::names::MatterId;

/// A checkpoint covers new records within a second; `prove` waits this long for it.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(3);
/// Keys, checkpoints and proofs are a few kilobytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The record of every access, refusal, login and change
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print records, oldest first; with --json one object a line
    #[command(after_help = "Example: deedbox audit show --matter 2026-0001 --data /srv/deedbox\n\
                            Of a copy, with the data directory for its keys:\n  deedbox audit show --dir /mnt/copy/audit --data /srv/deedbox")]
    Show {
        /// Only records of this matter: its number, or its id
        #[arg(long, value_name = "NUMBER|ID")]
        matter: Option<String>,
        /// Start at this record
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// At most so many records
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
        /// The audit directory, if not that of the data directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Verify every record, the tree and its signature
    #[command(after_help = "Example: deedbox audit verify --data /srv/deedbox\n\
                            Of a copy, with the public key alone:\n  deedbox audit verify --dir /mnt/copy/audit --key public.key\n\nExit code: 0 if sound, 1 naming the first bad record if not.")]
    Verify {
        /// The audit directory, if not that of the data directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// The public key to trust, as file or text; otherwise the one that lies in the directory
        #[arg(long, value_name = "FILE")]
        key: Option<String>,
        /// A checkpoint of the log that was kept elsewhere: the log must still contain what it signs
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Write a proof of one record, to be checked by anybody with the public key
    #[command(after_help = "Example: deedbox audit prove 1234 -o delivery.tlog-proof --data /srv/deedbox")]
    Prove {
        /// The record's number
        seq: u64,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The audit directory, if not that of the data directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Prove that the record exists without showing who did what (always so with --dir alone)
        #[arg(long)]
        without_body: bool,
    },
    /// Check a proof
    #[command(after_help = "Example: deedbox audit check-proof delivery.tlog-proof --key public.key\n\n\
                            Exit code: 0 if it holds, 1 if not.")]
    CheckProof {
        /// The proof
        proof: PathBuf,
        /// The log's public key, as file or text
        #[arg(long, value_name = "KEY")]
        key: String,
    },
}

impl Command {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        match self {
            Self::Show { matter, from, limit, dir } => {
                let matter = matter.map(|name| find_matter(global, &name)).transpose()?;
                let filter = Filter { matter, first: from, limit, ..Filter::default() };
                show(&directory(global, dir)?, &read_keys(global)?, filter, global.json)
            }
            Self::Verify { dir, key, checkpoint } => {
                // The firm's own keys, where they are, let the sealed bodies be checked too.
                let keys = if global.names_data() { read_keys(global).ok() } else { None };
                let dir = directory(global, dir)?;
                let key = key.as_deref().map(read_key).transpose()?;
                let known = checkpoint.as_deref().map(read_file).transpose()?;
                let checks = Checks { key: key.as_ref(), known: known.as_deref(), keys: keys.as_ref() };
                verify(&dir, checks)
            }
            Self::Prove { seq, output, dir, without_body } => {
                // On a copy of the record alone there are no keys, and the proof shows the leaf without its body.
                let keys = if without_body || !global.names_data() { None } else { Some(read_keys(global)?) };
                prove(&directory(global, dir)?, seq, keys.as_ref(), &output)
            }
            Self::CheckProof { proof, key } => check_proof(&read_file(&proof)?, &read_key(&key)?),
        }
    }
}

fn directory(global: &Global, dir: Option<PathBuf>) -> Result<PathBuf, Problem> {
    match dir {
        Some(dir) => Ok(dir),
        None => Ok(global.settings()?.data.audit()),
    }
}

/// What opens the bodies.
fn read_keys(global: &Global) -> Result<ReadKeys, Problem> {
    let keyring = Keyring::open(&global.settings()?.data.keys()).map_err(Problem::failed)?;
    let secrets = keyring.audit_keys();
    Ok(ReadKeys::new(secrets.body_key, secrets.tag_key))
}

/// A matter's number stands in the catalog, which may be a daemon's: ask whoever has it open.
fn find_matter(global: &Global, name: &str) -> Result<MatterId, Problem> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let all = global.execute(Request::Matter(matter::Command::List))?.data;
    let same = |value: &serde_json::Value| value.as_str().is_some_and(|number| number.eq_ignore_ascii_case(name));
    let found = all.as_array().into_iter().flatten().find(|one| same(&one["number"]));
    let id = found.and_then(|one| one["id"].as_str()?.parse().ok());
    id.ok_or_else(|| Problem::failed(format_args!("there is no matter {name:?}")))
}

/// Prints as it reads: a log may have millions of records.
fn show(dir: &Path, keys: &ReadKeys, filter: Filter, json: bool) -> Result<Reply, Problem> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let print = || -> Result<(), Problem> {
        for record in audit::show(dir, keys, filter).map_err(Problem::failed)? {
            let record = record.map_err(Problem::failed)?;
            let line =
                if json { serde_json::to_string(&record).doing("write JSON")? } else { printable(&record.to_string()) };
            match writeln!(out, "{line}") {
                // A reader that has seen enough (`| head`) closes the pipe: no failure.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.doing("print")?,
            }
        }
        Ok(())
    };
    print()?;
    match out.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).doing("print"),
        _ => Ok(Reply { data: serde_json::Value::Null, text: String::new(), negative: false }),
    }
}

fn verify(dir: &Path, checks: Checks<'_>) -> Result<Reply, Problem> {
    match audit::verify_with(dir, checks) {
        Ok(report) => {
            let mut data = serde_json::to_value(&report).doing("write JSON")?;
            data["sound"] = true.into();
            Reply::new(&data, format!("{report}\n"))
        }
        Err(why) => {
            let data = serde_json::json!({ "sound": false, "record": why.record(), "error": why.to_string() });
            Ok(Reply::new(&data, format!("the audit record is damaged: {why}\n"))?.negative(true))
        }
    }
}

fn prove(dir: &Path, seq: u64, keys: Option<&ReadKeys>, output: &Path) -> Result<Reply, Problem> {
    let started = Instant::now();
    let proof = loop {
        match audit::prove(dir, seq, keys) {
            Ok(proof) => break proof,
            Err(why) if started.elapsed() > CHECKPOINT_PATIENCE => return Err(Problem::failed(why)),
            Err(_) => std::thread::sleep(Duration::from_millis(250)),
        }
    };
    std::fs::write(output, proof.to_string()).doing(format_args!("write {}", output.display()))?;
    let text = format!("{} proves record {seq}; `deedbox audit check-proof` checks it.\n", output.display());
    Reply::new(&serde_json::json!({ "seq": seq, "file": output }), text)
}

fn check_proof(proof: &[u8], key: &VerifyKey) -> Result<Reply, Problem> {
    match audit::check_proof(proof, key) {
        Ok(proven) => {
            let record = &proven.record;
            let (size, root) = (proven.checkpoint.size, hex::encode(proven.checkpoint.root));
            let text = format!(
                "The proof holds: this record is in the log {} of {size} records.\n{}\n",
                proven.checkpoint.origin,
                printable(&record.to_string())
            );
            Reply::new(&serde_json::json!({ "holds": true, "record": record, "size": size, "root": root }), text)
        }
        Err(why) => {
            let data = serde_json::json!({ "holds": false, "error": why.to_string() });
            Ok(Reply::new(&data, format!("the proof does not hold: {why}\n"))?.negative(true))
        }
    }
}

/// A verifier key, given as the file that holds it or as itself.
fn read_key(given: &str) -> Result<VerifyKey, Problem> {
    let text = match std::fs::metadata(given) {
        Ok(_) => String::from_utf8_lossy(&read_file(Path::new(given))?).into_owned(),
        Err(_) => given.to_owned(),
    };
    text.trim().parse().map_err(|why| {
        Problem::usage(format_args!("{given:?} is neither a file with a public key nor the key itself: {why}"))
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    read.map_err(|why| Problem::usage(format_args!("cannot read {}: {why}", path.display())))?;
    Ok(bytes)
}
