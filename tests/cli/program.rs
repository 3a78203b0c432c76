//! Runs `deedbox` and looks at what comes out.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What one run gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Asserts exit code 0.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// Asserts another exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    /// Asserts that standard error tells this.
    pub(crate) fn tells(self, what: &str) -> Self {
        assert!(self.err.contains(what), "{what:?} is not in: {}", self.err);
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("no JSON ({why}): {}", self.out))
    }
}

/// Runs the program with these arguments.
pub(crate) fn deedbox(arguments: &[&str]) -> Ran {
    with_input(arguments, "")
}

/// The same with standard input.
pub(crate) fn with_input(arguments: &[&str], input: &str) -> Ran {
    let mut child = command().args(arguments).spawn().expect("the program starts");
    // A program that does not read its input closes it early.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    ran(child.wait_with_output().expect("the program ends"))
}

/// The same on a data directory.
pub(crate) fn on(data: &Path, arguments: &[&str]) -> Ran {
    deedbox(&[arguments, &["--data", data.to_str().expect("UTF-8")]].concat())
}

/// The program, with its output piped.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deedbox"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("COLUMNS");
    command
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
