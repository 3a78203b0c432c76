//! `/matters/{number}/documents`: what is stored for a matter, by version and SHA-256, and where the drive has it. Contents are not
//! served here.

use axum::extract::Path;
use serde::Serialize;

use super::answer::Answer;
use super::caller::Staff;
use super::input::Asked;
use super::matters::webdav;
use super::page::Which;
use super::problem::Problem;
use crate::names::DocPath;
use crate::vfs::{DocumentRecord, Vfs};

/// A document in answers.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    /// Within the matter.
    path: String,
    webdav: String,
    /// The newest last.
    versions: Vec<Version>,
}

#[derive(Debug, Serialize)]
struct Version {
    version: u64,
    current: bool,
    size: u64,
    sha256: String,
    at: String,
}

pub(super) async fn list(
    staff: Staff,
    Path(number): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Answer, Problem> {
    let (matter, what) = (staff.matter(&number)?, staff.matter(&number)?);
    let look = move |vfs: &Vfs, permit: &_| vfs.documents(permit, &what);
    let records = staff.inspect(("document list", &matter.number, Some(matter.id)), look).await?;
    let mut all: Vec<Shown> = Vec::new();
    for record in records {
        let version = Version::from(&record);
        match all.last_mut().filter(|last| last.id == record.node.to_string()) {
            Some(last) => last.versions.push(version),
            None => all.push(Shown {
                id: record.node.to_string(),
                path: within(&record.path),
                webdav: webdav(&record.path),
                versions: vec![version],
            }),
        }
    }
    all.sort_by(|a, b| (&a.path, &a.id).cmp(&(&b.path, &b.id)));
    Answer::of(&which.of(all, |one| format!("{}\n{}", one.path, one.id))?)
}

/// A path without the matter's own folder.
pub(super) fn within(path: &DocPath) -> String {
    let names: Vec<_> = path.names().iter().skip(1).map(|name| name.as_str()).collect();
    names.join("/")
}

impl From<&DocumentRecord> for Version {
    fn from(record: &DocumentRecord) -> Self {
        Self {
            version: record.version,
            current: record.current,
            size: record.size,
            sha256: hex::encode(record.sha256),
            at: record.at.to_string(),
        }
    }
}
