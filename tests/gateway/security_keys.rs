//! FIDO keys: `ssh-keygen` makes them on a security key in software (`security_keys/token.c`), and OpenSSH's `sftp` logs in.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::certificates;
use crate::demo::*;
use crate::logins;

/// The provider that OpenSSH loads.
fn token(here: &Path) -> PathBuf {
    let (source, library) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/security_keys/token.c"), here.join("token.so"));
    let mut gcc = Command::new("gcc");
    gcc.args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .args([source, "-l:libcrypto.so.3"]);
    ok(gcc.output().expect("tests/run installs gcc"));
    library
}

fn with_key(demo: &Demo, token: &Path, key: &Path) -> Output {
    let [key, provider] = [("IdentityFile", key), ("SecurityKeyProvider", token)]
        .map(|(name, path)| format!("{name}={}", path.display()));
    let options = ["-o", "PreferredAuthentications=publickey", "-o", &key, "-o", &provider];
    logins::sftp(demo, CLIENT_TWO, &options, None, "ls /\n")
}

/// A key pair on the token, which signs without a touch or with a PIN if it is made so.
fn keygen(token: &Path, here: &Path, name: &str, kind: &str, options: &[&str]) -> PathBuf {
    let key = here.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-N", "", "-t", kind, "-w"]).arg(token).arg("-f").arg(&key);
    keygen.args(options.iter().flat_map(|option| ["-O", *option]));
    ok(keygen.output().expect("ssh-keygen is installed"));
    key
}

/// Adds a key to an account, with an option before it or without.
fn add(demo: &Demo, key: &Path, option: &str) -> Output {
    let line = std::fs::read_to_string(key.with_extension("pub")).expect("a line");
    let file = key.with_extension("line");
    std::fs::write(&file, format!("{option}{line}")).expect("written");
    demo.deedbox(&["account", "key", "add", CLIENT_TWO, &file.to_string_lossy()])
}

fn recorded(demo: &Demo, why: &str) -> usize {
    ok(demo.deedbox(&["audit", "show"])).matches(why).count()
}

const UNTOUCHED: &str = "the security key was not touched";
const UNKNOWN: &str = "no PIN or finger was asked for by the security key";

#[test]
fn fido_keys_of_both_kinds_open_sftp_once_they_are_added() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let token = token(dir.path());
    for kind in ["ed25519-sk", "ecdsa-sk"] {
        let key = keygen(&token, dir.path(), kind, kind, &[]);
        let before = with_key(demo, &token, &key);
        assert!(both(&before).contains("Permission denied"), "{kind}: {}", both(&before));
        let refused = add(demo, &key, "no-touch-required ");
        assert!(both(&refused).contains("only `verify-required` is taken"), "{}", both(&refused));
        ok(add(demo, &key, ""));
        for _ in 0..2 {
            assert!(ok(with_key(demo, &token, &key)).contains(MATTER_ONE));
        }
    }
}

#[test]
fn a_security_key_that_nobody_touched_opens_nothing() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let token = token(dir.path());
    for (number, kind) in ["ed25519-sk", "ecdsa-sk"].into_iter().enumerate() {
        let key = keygen(&token, dir.path(), kind, kind, &["no-touch-required"]);
        ok(add(&demo, &key, ""));
        let refused = with_key(&demo, &token, &key);
        assert!(both(&refused).contains("Permission denied"), "{kind}: {}", both(&refused));
        assert_eq!(recorded(&demo, UNTOUCHED), number + 1, "{kind}");
    }
}

#[test]
fn a_key_with_verify_required_opens_only_when_it_knew_its_owner() {
    let (demo, dir) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let token = token(dir.path());
    let touched = keygen(&token, dir.path(), "touched", "ed25519-sk", &[]);
    let verified = keygen(&token, dir.path(), "verified", "ecdsa-sk", &["verify-required"]);
    for key in [&touched, &verified] {
        ok(add(&demo, key, "verify-required "));
    }
    let listed = ok(demo.deedbox(&["account", "key", "list", CLIENT_TWO]));
    assert_eq!(listed.matches("verify-required sk-").count(), 2, "{listed}");
    let refused = with_key(&demo, &token, &touched);
    assert!(both(&refused).contains("Permission denied"), "{}", both(&refused));
    assert_eq!(recorded(&demo, UNKNOWN), 1);
    assert!(ok(with_key(&demo, &token, &verified)).contains(MATTER_ONE));
    // It holds after a restart, too.
    let (data, kept) = (demo.data().to_owned(), demo.stop());
    let demo = Demo::start_in(&data);
    assert!(!with_key(&demo, &token, &touched).status.success());
    assert!(ok(with_key(&demo, &token, &verified)).contains(MATTER_ONE));
    assert_eq!(recorded(&demo, UNKNOWN), 2);
    drop((demo, kept));

    let plain = certificates::keygen(dir.path(), "plain", "ed25519");
    let refused = add(Demo::shared(), &plain, "verify-required ");
    assert!(both(&refused).contains("only a security key can ask for a PIN"), "{}", both(&refused));
}

#[test]
fn a_certificate_says_whether_a_security_key_must_be_touched_and_must_know_its_owner() {
    let dir = tempfile::tempdir().expect("a directory");
    let token = token(dir.path());
    let authority = certificates::keygen(dir.path(), "user_ca", "ed25519");
    let demo = certificates::trusting(&[&authority]);
    let untouched = keygen(&token, dir.path(), "untouched", "ed25519-sk", &["no-touch-required"]);
    let touched = keygen(&token, dir.path(), "touched", "ecdsa-sk", &[]);
    let verified = keygen(&token, dir.path(), "verified", "ed25519-sk", &["verify-required"]);
    for (key, options, why) in [
        (&touched, &[][..], None),
        (&untouched, &[], Some(UNTOUCHED)),
        (&untouched, &["-O", "no-touch-required"], None),
        (&touched, &["-O", "verify-required"], Some(UNKNOWN)),
        (&verified, &["-O", "verify-required"], None),
    ] {
        certificates::sign(&authority, key, &[&["-n", CLIENT_TWO], options].concat());
        let before = why.map_or(0, |why| recorded(&demo, why));
        let answer = with_key(&demo, &token, key);
        assert_eq!(answer.status.success(), why.is_none(), "{options:?}: {}", both(&answer));
        assert!(why.is_none_or(|why| recorded(&demo, why) == before + 1), "{why:?} is not in the record");
    }
}
