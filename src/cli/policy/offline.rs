//! `deedbox policy check` and `deedbox policy test`: guards before they are in force. Both read files alone.

use std::path::PathBuf;

use clap::Args;

use super::table::{Table, Trial};
use super::{read_file, read_text, refused};
use crate::cli::problem::Problem;
use crate::cli::reply::{Reply, count};

/// A table of tests is never longer than this.
const MAX_TESTS_BYTES: u64 = 1 << 20;

/// Check a file of guards against what guards may say; every mistake is reported at once
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: deedbox policy check policies/guards.cedar\n\n\
                        It needs no data directory and changes nothing.\n\n\
                        Exit code: 0 if sound, 2 if not.")]
pub(crate) struct Check {
    /// The guards
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> Result<Reply, Problem> {
        let guards = read_file(&self.file).map_err(refused)?;
        let ids: Vec<&str> = guards.ids().collect();
        let mut text = format!("{}, all sound:\n", count(ids.len(), "guard"));
        ids.iter().for_each(|id| text.push_str(&format!("  {id}\n")));
        Reply::new(&serde_json::json!({ "sound": true, "guards": ids }), text)
    }
}

/// Put a table of questions to a file of guards and compare the answers with those expected
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: deedbox policy test policies/guards.cedar policies/tests/guards.toml\n\n\
                        It needs no data directory and changes nothing. The table is TOML; \
                        policies/tests/guards.toml tells what can stand in it.\n\n\
                        Exit code: 0 if every answer is as expected, 1 if one is not, 2 if a file is wrong.")]
pub(crate) struct Test {
    /// The guards
    file: PathBuf,
    /// The table of tests
    tests: PathBuf,
}

impl Test {
    pub(super) fn run(self) -> Result<Reply, Problem> {
        let guards = read_file(&self.file).map_err(refused)?;
        let name = self.tests.display();
        let text =
            read_text(&self.tests, MAX_TESTS_BYTES).map_err(|why| Problem::usage(format_args!("{name}: {why}")))?;
        let table = Table::parse(&text).map_err(|why| Problem::usage(format_args!("{name}: {why}")))?;
        let tried: Vec<(&Trial, String)> = table.tests.iter().map(|trial| (trial, trial.answer(&guards))).collect();
        let wrong: Vec<_> = tried.iter().filter(|(trial, answer)| trial.expect != *answer).collect();
        let untried: Vec<&str> =
            guards.ids().filter(|id| !table.tests.iter().any(|trial| trial.expect == *id)).collect();
        let mut text = String::new();
        for (trial, answer) in &wrong {
            text.push_str(&format!("{}: expected {}, the answer is {answer}\n", trial.name, trial.expect));
        }
        for id in &untried {
            text.push_str(&format!("no test expects the guard {id}\n"));
        }
        let all = count(tried.len(), "test");
        match wrong.len() {
            0 => text.push_str(&format!("{all}, all as expected\n")),
            failed => text.push_str(&format!("{all}, {failed} not as expected\n")),
        }
        let results: Vec<_> = tried
            .iter()
            .map(|(trial, answer)| {
                serde_json::json!({
                    "name": trial.name, "expected": trial.expect, "answer": answer, "passed": trial.expect == *answer,
                })
            })
            .collect();
        let data = serde_json::json!({ "passed": wrong.is_empty(), "tests": results, "untried": untried });
        Ok(Reply::new(&data, text)?.negative(!wrong.is_empty()))
    }
}
