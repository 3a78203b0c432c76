//! Why a verb did not do as asked, as the person at the command line is told, and the exit code that goes with it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of problem it is; scripts see it as exit code and, with `--json`, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProblemKind {
    /// The command line, the configuration or an input file is wrong: exit code 2.
    Usage,
    /// The thing could not or may not be done: exit code 1.
    Failed,
}

/// One sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// Its kind.
    pub(crate) kind: ProblemKind,
    /// What happened and what to do.
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { kind: ProblemKind::Usage, message: message.to_string() }
    }

    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self { kind: ProblemKind::Failed, message: message.to_string() }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self.kind {
            ProblemKind::Failed => 1,
            ProblemKind::Usage => 2,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Adds what was being done to an error from below.
pub(crate) trait Doing<T> {
    /// `doing` reads on: "cannot <doing>: <cause>".
    fn doing(self, doing: impl fmt::Display) -> Result<T, Problem>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl fmt::Display) -> Result<T, Problem> {
        self.map_err(|cause| Problem::failed(format_args!("cannot {doing}: {cause}")))
    }
}
