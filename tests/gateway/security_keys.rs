//! FIDO keys: `ssh-keygen` makes them on a security key in software (`security_keys/token.c`), and OpenSSH's `sftp` logs in.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

#[test]
fn fido_keys_of_both_kinds_open_sftp_once_they_are_added_and_none_with_options() {
    let (demo, dir) = (Demo::shared(), tempfile::tempdir().expect("a directory"));
    let token = token(dir.path());
    for kind in ["ed25519-sk", "ecdsa-sk"] {
        let key = dir.path().join(kind);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-N", "", "-t", kind, "-w"]).arg(&token).arg("-f").arg(&key);
        ok(keygen.output().expect("ssh-keygen is installed"));
        let before = with_key(demo, &token, &key);
        assert!(both(&before).contains("Permission denied"), "{kind}: {}", both(&before));
        let public = key.with_extension("pub");
        let with_options = dir.path().join("with-options");
        let line = std::fs::read_to_string(&public).expect("a line");
        std::fs::write(&with_options, format!("verify-required {line}")).expect("written");
        let refused = demo.deedbox(&["account", "key", "add", CLIENT_TWO, &with_options.to_string_lossy()]);
        assert!(both(&refused).contains("options before the key are not taken"), "{}", both(&refused));
        ok(demo.deedbox(&["account", "key", "add", CLIENT_TWO, &public.to_string_lossy()]));
        for _ in 0..2 {
            assert!(ok(with_key(demo, &token, &key)).contains(MATTER_ONE));
        }
    }
}
