//! Passwords from people: from standard input or from the terminal, never from the command line, where every process
//! list shows them.

use std::io::{IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use super::problem::{Doing as _, Problem};
use super::secret::Secret;

/// Longer ones are refused: nobody types them, and hashing must stay bounded.
const MAX_PASSWORD_BYTES: usize = 1024;
/// The least that NIST SP 800-63B section 3.1.1.2 allows at all. The passwords made here are far longer.
const MIN_PASSWORD_CHARS: usize = 8;

/// Reads a password from standard input: one line.
pub(crate) fn password_from_stdin() -> Result<Secret, Problem> {
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
    check_password(text.strip_suffix('\r').unwrap_or(text))
}

fn check_password(text: &str) -> Result<Secret, Problem> {
    if text.len() > MAX_PASSWORD_BYTES {
        return Err(Problem::usage(format_args!("a password has at most {MAX_PASSWORD_BYTES} bytes")));
    }
    if text.chars().count() < MIN_PASSWORD_CHARS {
        return Err(Problem::usage(format_args!("a password has at least {MIN_PASSWORD_CHARS} characters")));
    }
    // RFC 7617 section 2: control characters cannot be sent in Basic authentication.
    if text.chars().any(char::is_control) {
        return Err(Problem::usage("a password must not contain control characters"));
    }
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_cannot_be_used_are_refused() {
        assert!(check_password("correct horse battery").is_ok());
        for bad in ["seven 7", "with\tcontrol characters", &"x".repeat(1025)] {
            assert!(check_password(bad).is_err(), "{bad:?}");
        }
    }
}
