//! All records of a matter, each with its proof, as an archive for somebody outside; written while it is sent.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::Body as PageBody;
use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::super::acts::{self, blocking};
use super::super::archive::Sink;
use super::super::download::attachment;
use super::super::person::Person;
use super::super::status::Failure;
use super::records;
use crate::audit::{Detail, Ended, Outcome, Search};
use crate::front::limits::Holding;
use crate::gate::{Gate, Permit, SeeRecord};

/// Records in one step.
const IN_A_STEP: usize = 200;
/// Records in an archive: its table is in memory until it is sent. Those before can be proven one by one.
const MOST: usize = 10_000;

/// The archive of the matter that the URL names.
pub(super) async fn send(person: Person, Path(number): Path<String>) -> Result<Response, Failure> {
    let matter = records::matter(&person, &number).map_err(|_| Failure::not_found())?;
    person.hold(Holding::Document)?;
    let permit = acts::permit::<SeeRecord>(&person, ("audit prove", &number, Some(matter))).await?;
    let sink = Sink::default();
    let export = Export {
        gate: person.portal.gate.clone(),
        permit,
        search: Search { matter: Some(matter), ended: Ended::OrBegan, limit: IN_A_STEP, ..Search::default() },
        zip: ZipWriter::new_stream(sink.clone()),
        sink,
        lines: String::new(),
        count: 0,
    };
    // The session is kept as long as the archive is taken: it is no idleness.
    let pieces = stream::unfold((Some(export), person), |(export, person)| async move {
        let (piece, export) = step(export?).await;
        Some((piece, (export, person)))
    });
    let mut response = Response::new(PageBody::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CONTENT_DISPOSITION, attachment(&format!("Record {}.zip", number.replace('/', "-"))));
    Ok(response)
}

/// An archive on its way. Its permit is settled at its end; one that is not taken whole is recorded as abandoned.
struct Export {
    gate: Arc<Gate>,
    permit: Permit<SeeRecord>,
    search: Search,
    zip: ZipWriter<StreamWriter<Sink>>,
    sink: Sink,
    /// The records as `audit show --json` prints them.
    lines: String,
    count: usize,
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

/// The next piece, and the archive if there is more of it. One that breaks off is not taken for all of it.
async fn step(mut export: Export) -> (Result<Bytes, std::io::Error>, Option<Export>) {
    let broken = || std::io::Error::other("the record could not be read");
    let worked = blocking(move || (export.work(), export)).await;
    let Ok((done, export)) = worked else { return (Err(broken()), None) };
    match done {
        Ok(false) => (Ok(export.sink.take()), Some(export)),
        Ok(true) => {
            let Export { zip, sink, permit, .. } = export;
            let finished = zip.finish();
            let outcome = if finished.is_ok() { Outcome::Done } else { Outcome::Failed };
            permit.settle(outcome, Detail::default());
            (finished.map(|_| sink.take()).map_err(|_| broken()), None)
        }
        Err(cause) => {
            tracing::error!(%cause, "the record could not be read for an archive");
            export.permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
            (Err(broken()), None)
        }
    }
}

impl Export {
    /// Some records more, from the last to the first; true once all is in the archive.
    fn work(&mut self) -> Result<bool, Broken> {
        let found = self.gate.proven(&self.permit, &self.search)?;
        for (record, proof) in found.records {
            self.add(&format!("proofs/{:010}.tlog-proof", record.seq), &proof.to_string())?;
            self.lines.push_str(&serde_json::to_string(&record)?);
            self.lines.push('\n');
            self.count += 1;
        }
        self.search.before = found.next;
        if found.next.is_some() && self.count < MOST {
            return Ok(false);
        }
        let (lines, key) = (std::mem::take(&mut self.lines), format!("{}\n", self.gate.record_key()));
        self.add("records.jsonl", &lines)?;
        self.add("public.key", &key)?;
        self.add("Read me.txt", &self.read_me())?;
        Ok(true)
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), Broken> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.zip.start_file(name, options)?;
        self.zip.write_all(text.as_bytes())?;
        Ok(())
    }

    fn read_me(&self) -> String {
        let missing = match self.search.before {
            Some(_) => "\nThere are older records of the matter: one archive holds the newest 10,000.\n",
            None => "",
        };
        format!(
            "Records of one matter: {}, the newest first in records.jsonl, each with its proof in proofs/.\n{missing}\n\
             Check each with the public key, and that this is the key which you were given before:\n\n\
             for proof in proofs/*; do deedbox audit check-proof \"$proof\" --key public.key || break; done\n\n\
             Every record says its \"number\" within the matter. These have no gaps, so that none can be missing between the\n\
             first and the last.\n",
            self.count
        )
    }
}
