//! Public keys as people paste them: one line of OpenSSH text, checked down to its fields.
//!
//! Formats: RFC 4253 section 6.6 (text and RSA), RFC 5656 section 3.1 (ECDSA), RFC 8709 section 4 (Ed25519), OpenSSH's
//! PROTOCOL.u2f (security keys). Checked here, so that a damaged paste is refused when it is stored and not, silently,
//! at every login.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::Error;
use super::words::{is_unprintable, quoted};

/// The longest text of a public key, in bytes; an RSA key of 8192 bits takes 1,430.
const MAX_TEXT_BYTES: usize = 3072;
const MAX_COMMENT_BYTES: usize = 200;
/// The option that is taken, as it stands before a key: sshd(8), "AUTHORIZED_KEYS FILE FORMAT".
const VERIFY_REQUIRED: &str = "verify-required";
const ACCEPTED: &str = "ssh-ed25519, ecdsa-sha2-nistp256, -384 or -521, ssh-rsa, sk-ssh-ed25519@openssh.com or \
                        sk-ecdsa-sha2-nistp256@openssh.com";

/// The rest of a text after the option; nothing for a text without it.
pub(super) fn without_options(text: &str) -> Option<&str> {
    text.strip_prefix(VERIFY_REQUIRED).and_then(|rest| rest.strip_prefix(' '))
}

/// Reads one public key. Answers the SSH wire encoding and the text in one spelling: the option, algorithm, base64, comment.
pub(super) fn parse(text: &str) -> Result<(Vec<u8>, String), Error> {
    let wrong = |why: &str| Err(Error::Invalid(format!("this is no SSH public key: {why}")));
    let text = text.trim();
    if text.contains("PRIVATE KEY") {
        // Never quoted back: it would reach the log and the audit record.
        return wrong("it is a private key, which must stay with its owner; paste the line of the .pub file");
    }
    if text.len() > MAX_TEXT_BYTES {
        return wrong("it is too long");
    }
    if text.lines().count() > 1 {
        return wrong("it has several lines; add one key at a time");
    }
    let mut words = text.split_whitespace().peekable();
    let verifies = words.next_if_eq(&VERIFY_REQUIRED).is_some();
    let (Some(algorithm), Some(encoded)) = (words.next(), words.next()) else {
        return wrong("write `ssh-ed25519 AAAA… comment`");
    };
    if check_of(algorithm).is_none() && check_of(encoded).is_some() {
        // Whoever writes an option must not believe that it holds.
        return wrong("of the options before a key, only `verify-required` is taken; paste the line of the .pub file");
    }
    if verifies && !algorithm.starts_with("sk-") {
        return wrong("only a security key can ask for a PIN or a finger; take `verify-required` away");
    }
    let comment = words.collect::<Vec<_>>().join(" ");
    if comment.len() > MAX_COMMENT_BYTES || comment.chars().any(is_unprintable) {
        return wrong("its comment is too long or has control characters");
    }
    let Some(check) = check_of(algorithm) else {
        return wrong(&format!("{} is not accepted; use {ACCEPTED}", quoted(algorithm)));
    };
    let Ok(blob) = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded)) else {
        return wrong("the middle part is not base64; copy the whole line");
    };
    let mut rest = Fields(&blob);
    if rest.string() != Some(algorithm.as_bytes()) {
        return wrong("its two parts name different algorithms");
    }
    if check(algorithm, &mut rest).is_none() || !rest.0.is_empty() {
        return wrong("its fields are damaged, or an RSA key is shorter than 2048 or longer than 8192 bits");
    }
    let option = if verifies { "verify-required " } else { "" };
    let text = format!("{option}{algorithm} {} {comment}", STANDARD.encode(&blob));
    Ok((blob, text.trim_end().to_owned()))
}

/// OpenSSH's fingerprint of a key in wire encoding: `SHA256:` and the digest in base64 without padding.
pub fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(digest::digest(&digest::SHA256, blob)))
}

type Check = fn(&str, &mut Fields<'_>) -> Option<()>;

fn check_of(algorithm: &str) -> Option<Check> {
    Some(match algorithm {
        "ssh-ed25519" => |_, fields| exactly(fields.string()?, 32),
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => ecdsa,
        "ssh-rsa" => rsa,
        "sk-ssh-ed25519@openssh.com" => |_, fields| {
            exactly(fields.string()?, 32)?;
            application(fields)
        },
        "sk-ecdsa-sha2-nistp256@openssh.com" => |_, fields| {
            ecdsa("ecdsa-sha2-nistp256", fields)?;
            application(fields)
        },
        _ => return None,
    })
}

/// What a security key's key is for, such as `ssh:`.
fn application(fields: &mut Fields<'_>) -> Option<()> {
    (1..=256).contains(&fields.string()?.len()).then_some(())
}

fn ecdsa(algorithm: &str, fields: &mut Fields<'_>) -> Option<()> {
    let curve = algorithm.strip_prefix("ecdsa-sha2-")?;
    let point_bytes = match curve {
        "nistp256" => 65,
        "nistp384" => 97,
        _ => 133,
    };
    if fields.string()? != curve.as_bytes() {
        return None;
    }
    let point = fields.string()?;
    // Uncompressed form (SEC 1 section 2.3.3); RFC 5656 allows compressed ones, which OpenSSH refuses.
    (point.first() == Some(&4)).then(|| exactly(point, point_bytes))?
}

fn rsa(_: &str, fields: &mut Fields<'_>) -> Option<()> {
    let exponent = fields.positive()?;
    let modulus = fields.positive()?;
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    let good = (2048..=8192).contains(&bits) && odd(modulus) && odd(exponent) && exponent != [1] && exponent.len() <= 8;
    good.then_some(())
}

fn exactly(bytes: &[u8], length: usize) -> Option<()> {
    (bytes.len() == length).then_some(())
}

/// The rest of a key in SSH's encoding (RFC 4251 section 5).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// An mpint above zero, without its sign byte.
    fn positive(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 0x80).then_some(rest),
            [first, ..] if *first >= 0x80 => None,
            number => (!number.is_empty()).then_some(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).expect("short");
        [&length.to_be_bytes(), bytes].concat()
    }

    fn line(algorithm: &str, fields: &[&[u8]]) -> String {
        let fields: Vec<u8> = fields.iter().flat_map(|field| string(field)).collect();
        format!("{algorithm} {} somebody@host", STANDARD.encode([string(algorithm.as_bytes()), fields].concat()))
    }

    #[test]
    fn every_accepted_algorithm_is_read() {
        let point = |bytes: usize| [vec![4], vec![7; bytes - 1]].concat();
        let modulus = [vec![0, 0x80], vec![1; 255]].concat();
        for text in [
            line("ssh-ed25519", &[&[7; 32]]),
            line("ecdsa-sha2-nistp256", &[b"nistp256", &point(65)]),
            line("ecdsa-sha2-nistp384", &[b"nistp384", &point(97)]),
            line("ecdsa-sha2-nistp521", &[b"nistp521", &point(133)]),
            line("ssh-rsa", &[&[1, 0, 1], &modulus]),
            line("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"]),
            line("sk-ecdsa-sha2-nistp256@openssh.com", &[b"nistp256", &point(65), b"ssh:"]),
            format!("verify-required {}", line("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"])),
        ] {
            let (blob, again) = parse(&text).expect(&text);
            assert_eq!(again, text);
            assert!(fingerprint(&blob).starts_with("SHA256:"));
        }
    }

    #[test]
    fn weak_foreign_and_damaged_keys_are_refused_with_a_reason() {
        let short_modulus = [vec![0, 0x80], vec![1; 127]].concat();
        for (text, reason) in [
            (line("ssh-dss", &[&[7; 32]]), "not accepted"),
            (line("ssh-ed25519-cert-v01@openssh.com", &[&[7; 32]]), "not accepted"),
            (line("ssh-ed25519", &[&[7; 31]]), "damaged"),
            (line("ssh-ed25519", &[&[7; 32], b"more"]), "damaged"),
            (line("ecdsa-sha2-nistp256", &[b"nistp384", &[4; 65]]), "damaged"),
            (line("ecdsa-sha2-nistp256", &[b"nistp256", &[2; 65]]), "damaged"),
            (line("ssh-rsa", &[&[1, 0, 1], &short_modulus]), "2048"),
            (line("ssh-ed25519", &[&[7; 32]]).replace("AAAA", "AA*A"), "not base64"),
            (line("ssh-ed25519", &[&[7; 32]]).replacen("ssh-ed25519", "ssh-rsa", 1), "different algorithms"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc".to_owned(), "private key"),
            ("ssh-ed25519".to_owned(), "write `ssh-ed25519"),
            ("no-pty ssh-ed25519 AAAA".to_owned(), "options before a key"),
            (format!("verify-required {}", line("ssh-ed25519", &[&[7; 32]])), "only a security key"),
            (
                format!("no-touch-required {}", line("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"])),
                "options before",
            ),
            (line("sk-ecdsa-sha2-nistp256@openssh.com", &[b"nistp256", &[4; 65]]), "damaged"),
            (format!("{}\n{}", line("ssh-ed25519", &[&[7; 32]]), line("ssh-ed25519", &[&[8; 32]])), "several lines"),
        ] {
            let message = parse(&text).expect_err(&text).to_string();
            assert!(message.contains(reason), "{message}");
        }
    }

    #[test]
    fn a_private_key_is_not_repeated_in_the_message() {
        let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0";
        assert!(!parse(text).expect_err("private").to_string().contains("c2VjcmV0"));
    }

    proptest! {
        #[test]
        fn no_blob_can_panic_the_reader(blob in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&format!("ssh-rsa {}", STANDARD.encode(&blob)));
            let framed = [string(b"ssh-rsa"), blob].concat();
            let _ = parse(&format!("ssh-rsa {}", STANDARD.encode(framed)));
        }
    }
}
