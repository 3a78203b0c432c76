//! What does not fit, and what to do about it.

use std::path::PathBuf;

use crate::names::{BlobId, NodeId};

/// Findings that are told one by one; of more, only the number.
const MAX_TOLD: usize = 10_000;

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
    /// The document or folder.
    pub node: Option<NodeId>,
    /// Its path.
    pub path: Option<String>,
    /// Which of its versions.
    pub version: Option<u64>,
    /// The blob.
    pub blob: Option<BlobId>,
    /// The file.
    pub file: Option<PathBuf>,
    /// The record of the audit log.
    pub record: Option<u64>,
}

impl Finding {
    /// A finding that names nothing yet.
    pub fn new(what: impl Into<String>, advice: &'static str) -> Self {
        let what = what.into();
        Self { what, advice, node: None, path: None, version: None, blob: None, file: None, record: None }
    }

    /// Names the document or folder.
    #[must_use]
    pub fn node(self, node: Option<NodeId>) -> Self {
        Self { node, ..self }
    }

    /// Names the path.
    #[must_use]
    pub fn path(self, path: Option<String>) -> Self {
        Self { path, ..self }
    }

    /// Names the version.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Names the blob and its file.
    #[must_use]
    pub fn blob(self, blob: BlobId, file: PathBuf) -> Self {
        Self { blob: Some(blob), file: Some(file), ..self }
    }

    /// Names the file.
    #[must_use]
    pub fn file(self, file: PathBuf) -> Self {
        Self { file: Some(file), ..self }
    }

    /// Names the record of the audit log.
    #[must_use]
    pub fn record(self, record: Option<u64>) -> Self {
        Self { record, ..self }
    }
}

/// Findings in the order in which they came up, bounded.
#[derive(Debug, Default)]
pub struct Findings {
    told: Vec<Finding>,
    more: u64,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        if self.told.len() < MAX_TOLD { self.told.push(finding) } else { self.more += 1 }
    }

    /// Those that are told.
    pub fn told(&self) -> &[Finding] {
        &self.told
    }

    /// How many there are beside those.
    pub fn more(&self) -> u64 {
        self.more
    }
}
