//! What the deep check tells, for people and for scripts.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::cli::problem::Problem;
use crate::cli::reply::{Reply, printable};
use crate::vault::check::{Examined, Finding, Findings};

/// Everything that a deep check has to say.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Nothing was found.
    pub(super) sound: bool,
    /// What does not fit, each with what to do.
    pub(super) findings: Vec<Told>,
    /// Findings beyond those that are told one by one.
    pub(super) more: u64,
    /// What a crash left and the next start puts in order, in sentences.
    pub(super) leftovers: Vec<String>,
    /// What was not looked at, and why, in sentences.
    pub(super) skipped: Vec<String>,
    pub(super) checked: Checked,
}

/// How much was looked at.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Checked {
    pub(super) matters: u64,
    pub(super) documents: u64,
    pub(super) versions: u64,
    pub(super) bytes: u64,
    pub(super) folders: u64,
    pub(super) unfinished_uploads: u64,
    pub(super) catalog_commit: u64,
    pub(super) audit_records: u64,
}

/// A finding as it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    what: String,
    advice: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    blob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    record: Option<u64>,
}

impl From<&Finding> for Told {
    fn from(finding: &Finding) -> Self {
        Self {
            what: finding.what.clone(),
            advice: finding.advice.to_owned(),
            path: finding.path.clone(),
            node: finding.node.map(|node| node.to_string()),
            version: finding.version,
            blob: finding.blob.map(|blob| blob.to_string()),
            file: finding.file.as_ref().map(|file| file.display().to_string()),
            record: finding.record,
        }
    }
}

impl Report {
    /// Adds a finding.
    pub(super) fn find(&mut self, finding: &Finding) {
        self.findings.push(finding.into());
    }

    /// Adds what was found elsewhere.
    pub(super) fn take(&mut self, findings: &Findings) {
        self.findings.extend(findings.told().iter().map(Told::from));
        self.more += findings.more();
    }

    /// Adds what the vault found.
    pub(super) fn examined(&mut self, found: &Examined) {
        self.take(&found.findings);
        let counts = found.counts;
        self.checked.documents = counts.documents;
        self.checked.versions = counts.versions;
        self.checked.bytes = counts.bytes;
        self.checked.folders = counts.folders;
        self.checked.unfinished_uploads = counts.unfinished;
        if found.leftovers > 0 {
            self.leftovers.push(format!("{} files of uploads that were under way", found.leftovers));
        }
    }

    /// The answer: a no, if there are findings.
    pub(crate) fn reply(mut self) -> Result<Reply, Problem> {
        self.sound = self.findings.is_empty() && self.more == 0;
        let text = self.text().map_err(Problem::failed)?;
        let sound = self.sound;
        Ok(Reply::new(&self, text)?.negative(!sound))
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        for told in &self.findings {
            writeln!(text, "{}", printable(&told.what))?;
            let mut about = Vec::new();
            about.extend(told.path.as_deref().map(|path| path.to_owned()));
            about.extend(told.node.as_deref().map(|node| format!("node {node}")));
            about.extend(told.version.map(|version| format!("version {version}")));
            about.extend(told.file.as_deref().map(|file| format!("file {file}")));
            about.extend(told.record.map(|record| format!("audit record {record}")));
            if !about.is_empty() {
                writeln!(text, "  {}", printable(&about.join(", ")))?;
            }
            writeln!(text, "  to do: {}", told.advice)?;
        }
        if self.more > 0 {
            writeln!(text, "and {} more like these", self.more)?;
        }
        for left in &self.leftovers {
            writeln!(text, "Left by a crash, for the next start to put in order: {left}")?;
        }
        for skipped in &self.skipped {
            writeln!(text, "Not checked: {skipped}")?;
        }
        let checked = &self.checked;
        writeln!(
            text,
            "Checked {} documents in {} versions of {} bytes, {} folders, {} unfinished uploads in {} matters, catalog \
             commit {}, {} audit records: {}.",
            checked.documents,
            checked.versions,
            checked.bytes,
            checked.folders,
            checked.unfinished_uploads,
            checked.matters,
            checked.catalog_commit,
            checked.audit_records,
            match self.findings.len() as u64 + self.more {
                0 => "everything fits".to_owned(),
                1 => "1 finding".to_owned(),
                n => format!("{n} findings"),
            }
        )?;
        Ok(text)
    }
}
