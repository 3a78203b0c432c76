//! Passwords from people: from standard input or from the terminal, never from the command line, where every process
//! list shows them.

use std::io::{IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use super::problem::{Doing as _, Problem};
use super::secret::Secret;
use crate::gate::passwords;

/// No more than this is read: nobody types longer ones.
const MAX_PASSWORD_BYTES: usize = 1024;

/// Reads a password for this login from standard input: one line. It must be as good as one that a person chooses on the pages.
pub(crate) fn password_from_stdin(login: &str) -> Result<Secret, Problem> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!("The new password, then Enter (it shows as you type; `... < FILE` avoids that):");
    }
    // One byte at a time and unbuffered by us: nothing behind the line is taken, and no copy stays behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES + 2));
    let mut input = stdin.lock();
    let mut byte = [0u8];
    while text.len() <= MAX_PASSWORD_BYTES && input.read(&mut byte).doing("read the password")? == 1 {
        if byte[0] == b'\n' {
            break;
        }
        text.push(byte[0]);
    }
    let text = std::str::from_utf8(&text).map_err(|_| Problem::usage("the password must be UTF-8"))?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    passwords::check(text, login).map_err(Problem::usage)?;
    Ok(Secret::new(text.to_owned()))
}
