//! A folder as a ZIP archive, written while it is sent. Every document in it is a download of its own: its own permit, its own
//! record. What may not be downloaded is not in it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::download::attachment;
use super::person::Person;
use super::site::streamed;
use super::status::Failure;
use super::urls::At;
use crate::front::http_answer::{Body, BrokenOff};
use crate::front::limits::Holding;
use crate::names::{DocPath, Timestamp, Verb};
use crate::vfs::{Error, Listing, View};

/// Entries of an archive: its table is in memory until it is sent.
const MOST: usize = 10_000;
/// Folders below the one that was asked for.
const DEEPEST: usize = 32;
/// Steps that wait for a client that is slower than the store.
const AHEAD: usize = 2;
const STEP: usize = 256 * 1024;
/// From here on an entry needs the large form of its sizes, with room for what surrounds it.
const LARGE: u64 = u32::MAX as u64 - 1024 * 1024;
/// Names what is not in the archive, where something is not.
const MISSING: &str = "What is missing.txt";

/// The folder that the URL names.
pub(super) async fn send(person: Person, At(path): At) -> Result<Response, Failure> {
    let (_, name) = path.split_last().ok_or_else(Failure::not_found)?;
    let file = format!("{name}.zip");
    person.hold(Holding::Document)?;
    let view = person.view();
    let listing = view.list(&path).await?;
    let (out, mut chunks) = mpsc::channel(AHEAD);
    let sink = Sink::default();
    let archive = Archive {
        zip: ZipWriter::new_stream(sink.clone()),
        sink,
        out,
        zone: person.portal.settings.load().zone.clone(),
        entries: 0,
        missing: String::new(),
    };
    tokio::spawn(archive.write(view, path.clone(), name.to_string(), listing));
    let chunks = poll_fn(move |context| chunks.poll_recv(context)).boxed();
    let mut response = streamed(Body::Stream { chunks, left: None, is_lost: None, watch: None });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CONTENT_DISPOSITION, attachment(&file));
    Ok(response)
}

/// What the archive's writer has written and nobody has taken yet.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// What was written since the last time.
    pub(super) fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock()).into()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Archive {
    zip: ZipWriter<StreamWriter<Sink>>,
    sink: Sink,
    out: mpsc::Sender<Result<Bytes, BrokenOff>>,
    zone: TimeZone,
    entries: usize,
    missing: String,
}

/// Why an archive does not come to its end.
enum Stop {
    /// The client has gone.
    Gone,
    /// A document broke off in the middle, access was withdrawn, or the archive could not be written.
    Broken,
}

impl From<zip::result::ZipError> for Stop {
    fn from(error: zip::result::ZipError) -> Self {
        tracing::warn!(%error, "an archive could not be written");
        Self::Broken
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl Archive {
    async fn write(mut self, view: View, path: DocPath, name: String, listing: Listing) {
        match self.fill(&view, path, name, listing).await {
            Ok(()) | Err(Stop::Gone) => {}
            // The client must not take the part for the whole; one that has gone needs no telling.
            Err(Stop::Broken) => drop(self.out.send(Err(BrokenOff)).await),
        }
    }

    async fn fill(&mut self, view: &View, path: DocPath, name: String, listing: Listing) -> Result<(), Stop> {
        let mut folders = vec![(path, format!("{name}/"), 0)];
        let mut first = Some(listing);
        while let Some((path, prefix, depth)) = folders.pop() {
            let listing = match first.take() {
                Some(listing) => listing,
                None => match view.list(&path).await {
                    Ok(listing) => listing,
                    Err(error) => {
                        self.leave_out(&prefix, &error)?;
                        continue;
                    }
                },
            };
            self.zip.add_directory(prefix.clone(), self.options(listing.folder.modified))?;
            for stat in listing.entries {
                let Some(name) = stat.name.as_ref() else { continue };
                let Ok(path) = path.clone().join(name.clone()) else { continue };
                let shown = format!("{prefix}{name}");
                self.entries += 1;
                if self.entries > MOST || depth == DEEPEST {
                    writeln!(
                        self.missing,
                        "{shown}, and whatever comes after it: the folder is too large for one archive"
                    )
                    .map_err(|_| Stop::Broken)?;
                    return self.finish().await;
                }
                if stat.is_folder() {
                    folders.push((path, format!("{shown}/"), depth + 1));
                } else if stat.rights.has(Verb::Read) {
                    self.add(view, &path, shown).await?;
                }
            }
        }
        self.finish().await
    }

    async fn add(&mut self, view: &View, path: &DocPath, shown: String) -> Result<(), Stop> {
        let reading = match view.read(path).await {
            Ok(reading) => reading,
            Err(error) => return self.leave_out(&shown, &error),
        };
        let size = reading.stat().size;
        let options = self.options(reading.stat().modified).large_file(size >= LARGE);
        self.zip.start_file(shown, options)?;
        let mut offset = 0;
        while offset < size {
            let step = reading.read_at(offset, STEP).await.map_err(|_| Stop::Broken)?;
            if step.is_empty() {
                return Err(Stop::Broken);
            }
            offset += step.len() as u64;
            self.zip.write_all(&step)?;
            self.pass_on().await?;
        }
        Ok(())
    }

    /// Access that was withdrawn ends the archive; anything else that cannot be read is named in it.
    fn leave_out(&mut self, shown: &str, error: &Error) -> Result<(), Stop> {
        if matches!(error, Error::Revoked | Error::Unavailable) {
            return Err(Stop::Broken);
        }
        writeln!(self.missing, "{shown}: {error}").map_err(|_| Stop::Broken)
    }

    async fn finish(&mut self) -> Result<(), Stop> {
        if !self.missing.is_empty() {
            self.zip.start_file(MISSING, self.options(Timestamp::now()))?;
            self.zip.write_all(self.missing.as_bytes())?;
        }
        // Puts an empty archive, which nobody sees, in the place of the one that is being finished.
        let zip = std::mem::replace(&mut self.zip, ZipWriter::new_stream(Sink::default()));
        zip.finish()?;
        self.pass_on().await
    }

    /// Hands over what was written, and waits while the client takes what it has.
    async fn pass_on(&mut self) -> Result<(), Stop> {
        let bytes = self.sink.take();
        if bytes.is_empty() {
            return Ok(());
        }
        self.out.send(Ok(bytes)).await.map_err(|_| Stop::Gone)
    }

    /// Stored as it is: most documents are compressed already.
    fn options(&self, modified: Timestamp) -> SimpleFileOptions {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let local = jiff::Timestamp::from_millisecond(modified.as_millis()).map(|at| at.to_zoned(self.zone.clone()));
        let time = local.ok().and_then(|at| {
            let part = |number: i8| u8::try_from(number).ok();
            let year = u16::try_from(at.year()).ok()?;
            let (month, day) = (part(at.month())?, part(at.day())?);
            let (hour, minute, second) = (part(at.hour())?, part(at.minute())?, part(at.second())?);
            zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).ok()
        });
        time.map_or(options, |time| options.last_modified_time(time))
    }
}
