//! Password hashing: argon2id (RFC 9106), bounded in memory and in how many run at once.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// 19 MiB and two passes: the first choice of the OWASP password storage cheat sheet for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Longer ones are refused before hashing, so that a login cannot buy work by the megabyte.
const MAX_PASSWORD_BYTES: usize = 1024;

/// The password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Empty or longer than 1,024 bytes.
    #[error("a password has 1 to 1024 bytes")]
    Length,
    /// The hash function refused its parameters.
    #[error("the password could not be hashed")]
    Hash,
}

/// The shortest password that a person may choose, in characters (NIST SP 800-63B asks for 8 where there is a second factor).
pub const MIN_CHARACTERS: usize = 10;

/// A password that a person chose is too easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Fewer characters than [`MIN_CHARACTERS`], or more bytes than are hashed.
    #[error("a password has {} characters at least, and {} bytes at most", MIN_CHARACTERS, MAX_PASSWORD_BYTES)]
    Length,
    /// RFC 7617 section 2: Basic authentication cannot send it.
    #[error("a password must not contain control characters")]
    Control,
    /// Among the first that somebody would try: well-known, made of common words, a date, a row of keys, or the login.
    #[error("this password would soon be guessed; a few words that do not belong together make a better one")]
    Common,
}

/// Is this password good enough for this login? Length and how soon it would be guessed count, and no rule about its
/// characters does.
///
/// # Errors
/// What is wrong with it.
pub fn check(password: &str, login: &str) -> Result<(), Weak> {
    if password.chars().count() < MIN_CHARACTERS || password.len() > MAX_PASSWORD_BYTES {
        return Err(Weak::Length);
    }
    if password.chars().any(char::is_control) {
        return Err(Weak::Control);
    }
    let own: Vec<&str> =
        login.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).chain([login]).collect();
    match zxcvbn::zxcvbn(password, &own).score() >= zxcvbn::Score::Three {
        true => Ok(()),
        false => Err(Weak::Common),
    }
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| Error::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The PHC string to store for a password. Takes tens of milliseconds; call it from the blocking pool.
pub fn hash(password: &str) -> Result<String, Error> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Err(Error::Length);
    }
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|_| Error::Hash)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| Error::Hash)?;
    Ok(hasher()?.hash_password(password.as_bytes(), &salt).map_err(|_| Error::Hash)?.to_string())
}

/// Is this the password? Costs the same for an account that has none: `stored` is then the hash of a random password.
pub(super) fn verify(stored: &str, password: &str) -> bool {
    if password.len() > MAX_PASSWORD_BYTES {
        return false;
    }
    let (Ok(stored), Ok(hasher)) = (PasswordHash::new(stored), hasher()) else { return false };
    hasher.verify_password(password.as_bytes(), &stored).is_ok()
}

/// A random password of 20 letters and digits (119 bits), without characters that are mistaken for each other.
pub fn random() -> String {
    const LETTERS: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut password = String::with_capacity(20);
    while password.len() < 20 {
        let mut byte = [0u8; 1];
        getrandom::fill(&mut byte).expect("the operating system gives random bytes");
        // 224 is the largest multiple of 56 that fits: the rest would favour some letters.
        if byte[0] < 224 {
            password.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    password
}

/// A random token of 130 bits: 26 letters and digits in five groups, in which neither case nor dashes count.
///
/// # Panics
/// If the operating system gives no random bytes.
pub fn random_token() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 26];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    let letters: Vec<_> = bytes.iter().map(|byte| LETTERS[usize::from(byte % 32)]).collect();
    letters.chunks(6).map(|group| String::from_utf8_lossy(group).into_owned()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_verifies_and_another_does_not() {
        let stored = hash("correct horse").expect("hashed");
        assert!(verify(&stored, "correct horse"));
        assert!(!verify(&stored, "correct hors"));
        assert!(!verify("not a hash", "correct horse"));
        assert_eq!(hash(""), Err(Error::Length));
    }

    #[test]
    fn passwords_that_would_soon_be_guessed_are_refused_whatever_characters_they_have() {
        let login = "client.one@example.com";
        for weak in
            ["Password123!", "qwertyuiop12", "client.one@example.com", "1234567890", "aaaaaaaaaaaaaaaa", "Passw0rd2026"]
        {
            assert_eq!(check(weak, login), Err(Weak::Common), "{weak}");
        }
        assert_eq!(check("xK9!vQ2#", login), Err(Weak::Length));
        assert_eq!(check(&"word ".repeat(300), login), Err(Weak::Length));
        assert_eq!(check("with\tcontrol characters", login), Err(Weak::Control));
        for good in ["correct horse battery staple", "тёплый чайник у окна", &random()] {
            assert_eq!(check(good, login), Ok(()), "{good}");
        }
    }

    #[test]
    fn random_tokens_have_130_bits_and_differ() {
        assert_ne!(random_token(), random_token());
        assert_eq!(random_token().chars().filter(|c| *c != '-').count(), 26);
    }

    #[test]
    fn random_passwords_differ() {
        assert_ne!(random(), random());
        assert_eq!(random().len(), 20);
    }
}
