//! Which names are those of temporary files, and how long a save may take.

use std::time::Duration;

use toml::Spanned;

use super::checks::Checks;
use super::raw;
use crate::names::{BESIDE, FOLDERS, NAMED_AFTER, NamePattern, TransientNames, UNNAMED};

/// Patterns of one kind.
const MAX_PATTERNS: usize = 100;

/// The temporary files of saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemporaryFiles {
    /// Their names.
    pub names: TransientNames,
    /// How long one is kept after its last change.
    pub keep: Duration,
    /// How long the place of a document that was moved away or removed by a save waits for what replaces it.
    pub save: Duration,
}

impl Checks<'_> {
    pub(super) fn temporary_files(&mut self, raw: raw::TemporaryFiles) -> TemporaryFiles {
        let names = TransientNames {
            named_after: self.patterns("named_after", raw.named_after, NAMED_AFTER),
            unnamed: self.patterns("unnamed", raw.unnamed, UNNAMED),
            beside: self.patterns("beside", raw.beside, BESIDE),
            folders: self.patterns("folders", raw.folders, FOLDERS),
        };
        let hours = self.number("temporary_files.keep_hours", raw.keep_hours, 7 * 24, 1..=365 * 24);
        let seconds = self.number("temporary_files.save_seconds", raw.save_seconds, 120, 1..=3600);
        TemporaryFiles { names, keep: Duration::from_secs(hours * 3600), save: Duration::from_secs(seconds) }
    }

    fn patterns(&mut self, name: &str, raw: Option<Vec<Spanned<String>>>, default: &[&str]) -> Vec<NamePattern> {
        let Some(items) = raw else {
            return default.iter().filter_map(|text| NamePattern::parse(text).ok()).collect();
        };
        if let Some(further) = items.get(MAX_PATTERNS) {
            let message = format!("`temporary_files.{name}` has more than {MAX_PATTERNS} patterns");
            self.mistakes.add(self.text, Some(further.span()), message);
        }
        let mut patterns = Vec::new();
        for item in items.into_iter().take(MAX_PATTERNS) {
            match NamePattern::parse(item.get_ref()) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => {
                    let message = format!("`temporary_files.{name}`: the pattern {:?} {why}", item.get_ref());
                    self.mistakes.add(self.text, Some(item.span()), message);
                }
            }
        }
        patterns
    }
}
