//! SSH certificates of people and what is revoked, made by `ssh-keygen` and shown by OpenSSH's `sftp`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use russh::keys::{Certificate, PrivateKey};

use crate::demo::*;
use crate::factors;
use crate::logins::{self, Open, Trusting};

/// A key pair that no account has.
pub(crate) fn keygen(here: &Path, name: &str, kind: &str) -> PathBuf {
    let file = here.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-N", "", "-t", kind, "-f"]).arg(&file);
    ok(keygen.output().expect("ssh-keygen is installed"));
    file
}

/// Certifies the key, as `NAME-cert.pub` beside it.
pub(crate) fn sign(authority: &Path, key: &Path, options: &[&str]) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-s"]).arg(authority).args(["-I", "laptop"]).args(options).arg(key.with_extension("pub"));
    ok(keygen.output().expect("ssh-keygen is installed"));
}

fn certificate(key: &Path) -> PathBuf {
    key.with_file_name(format!("{}-cert.pub", key.file_name().and_then(|name| name.to_str()).expect("a name")))
}

/// The options of OpenSSH's clients with this key, beside which they find its certificate.
fn options(demo: &Demo, login: &str, key: &Path) -> Vec<String> {
    let own = format!("IdentityFile={}", demo.key(login));
    let other = format!("IdentityFile={}", key.display());
    demo.ssh_options(login).into_iter().map(|option| if option == own { other.clone() } else { option }).collect()
}

fn opens(demo: &Demo, login: &str, key: &Path) -> bool {
    let mut sftp = client("sftp");
    sftp.args(options(demo, login, key)).args(["-q", "-b", "/dev/null", "127.0.0.1"]);
    sftp.output().expect("sftp is installed").status.success()
}

/// What OpenSSH's clients will not show: russh shows anything.
async fn opens_by(demo: &Demo, login: &str, key: &Path, shown: Certificate) -> bool {
    let key = PrivateKey::from_openssh(std::fs::read(key).expect("a key")).expect("a key");
    let mut connection =
        russh::client::connect(Arc::default(), demo.text("sftp"), Trusting).await.expect("keys exchanged");
    let answer = connection.authenticate_openssh_cert(login, Arc::new(key), shown).await;
    answer.is_ok_and(|answer| answer.success())
}

/// A demo that takes the certificates of these authorities, with an empty list of what is revoked.
pub(crate) fn trusting(authorities: &[&Path]) -> Demo {
    let demo = Demo::start();
    let keys = authorities.iter().map(|key| std::fs::read_to_string(key.with_extension("pub")).expect("a key"));
    std::fs::write(demo.data().join("certs/user_ca.pub"), keys.collect::<String>()).expect("written");
    revoke(&demo, "# nothing yet\n");
    demo.configure(|text| text.replace("#: trusted", "trusted").replace("#: revoked", "revoked"));
    let told = ok(demo.deedbox(&["reload"]));
    assert!(told.contains("sftp.revoked_keys") && told.contains("the authorities of SSH certificates"), "{told}");
    demo
}

/// One demo, and the directory with its two authorities, for tests that do not disturb each other.
fn shared() -> &'static (Demo, PathBuf, PathBuf) {
    static SHARED: OnceLock<(Demo, PathBuf, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let here = tempfile::tempdir().expect("a directory");
        let [ed25519, rsa] = ["ed25519", "rsa"].map(|kind| keygen(here.path(), kind, kind));
        let demo = trusting(&[&ed25519, &rsa]);
        end_with_tests(demo.pid());
        drop(here.keep());
        (demo, ed25519, rsa)
    })
}

fn revoke(demo: &Demo, list: &str) {
    std::fs::write(demo.data().join("certs/revoked_keys"), list).expect("written");
}

#[test]
fn a_certificate_opens_the_account_that_it_names_where_and_while_it_says_so() {
    let here = tempfile::tempdir().expect("a directory");
    let (demo, authority, _) = shared();
    let [stranger, key] = ["stranger", "laptop"].map(|name| keygen(here.path(), name, "ed25519"));
    let valid = ["-n", CLIENT_ONE, "-V", "-1m:+1h", "-z", "7"];
    sign(authority, &key, &valid);
    assert!(!opens(Demo::shared(), CLIENT_ONE, &key), "no authority is trusted there");
    assert!(opens(demo, CLIENT_ONE, &key));
    // What was there before certificates still opens, and what did not does not.
    ok(demo.sftp(CLIENT_ONE, "ls /\n"));
    assert!(!opens(demo, CLIENT_TWO, &key), "it is client one's");
    for (good, options) in [
        (false, &["-n", CLIENT_ONE, "-O", "source-address=192.0.2.0/24"][..]),
        (true, &["-n", "somebody,client.one@example.com", "-V", "-1m:+1h", "-O", "source-address=127.0.0.0/8"]),
        (false, &["-n", CLIENT_ONE, "-O", "force-command=/bin/sh"]),
        (true, &["-n", CLIENT_ONE, "-O", "force-command=internal-sftp"]),
        (false, &["-n", CLIENT_ONE, "-O", "critical:colour@example.com=red"]),
        (false, &["-n", CLIENT_ONE, "-V", "-2h:-1h"]),
        (false, &["-n", CLIENT_ONE, "-V", "+1h:+2h"]),
        (false, &["-V", "-1m:+1h"]),
        (true, &["-n", CLIENT_ONE, "-O", "clear", "-V", "-1m:forever"]),
        (false, &["-n", CLIENT_TWO, "-V", "-1m:+1h"]),
    ] {
        sign(authority, &key, options);
        assert_eq!(opens(demo, CLIENT_ONE, &key), good, "{options:?}");
    }
    sign(&stranger, &key, &valid);
    assert!(!opens(demo, CLIENT_ONE, &key), "of another authority");
    let record = ok(demo.deedbox(&["audit", "show"]));
    let fingerprint = ok(Command::new("ssh-keygen").arg("-lf").arg(authority).output().expect("runs"));
    let fingerprint = fingerprint.split(' ').nth(1).expect("a fingerprint");
    for told in [
        &format!("certificate \"laptop\", serial 7, of {fingerprint}"),
        "certificate for another login",
        "certificate for another address",
        "certificate for another command than SFTP",
        "certificate with a critical option that is not known here",
        "certificate of an authority that is not trusted",
    ] {
        assert!(record.contains(told), "{told} is not in {record}");
    }
}

#[test]
fn certificates_of_hosts_damaged_ones_and_those_signed_with_sha1_open_nothing() {
    let here = tempfile::tempdir().expect("a directory");
    let (demo, _, authority) = shared();
    let key = keygen(here.path(), "laptop", "ed25519");
    let certified = |options: &[&str]| {
        sign(authority, &key, &[&["-n", CLIENT_TWO], options].concat());
        Certificate::read_file(&certificate(&key)).expect("a certificate")
    };
    let good = certified(&["-t", "rsa-sha2-512"]);
    let mut bytes = good.to_bytes().expect("bytes");
    let at = bytes.windows(6).position(|window| window == b"laptop").expect("its name");
    bytes[at] ^= 1;
    let damaged = Certificate::from_bytes(&bytes).expect("well-formed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (is_good, what, shown) in [
        (true, "as it should be", good.clone()),
        (false, "damaged", damaged),
        (false, "a host's", certified(&["-h", "-t", "rsa-sha2-512"])),
        (false, "signed with SHA-1", certified(&["-t", "ssh-rsa"])),
        (true, "as it should be", good),
    ] {
        assert_eq!(runtime.block_on(opens_by(demo, CLIENT_TWO, &key, shown)), is_good, "{what}");
    }
}

#[test]
fn what_is_revoked_opens_nothing_after_a_reload_and_sessions_that_it_opened_end_within_a_second() {
    let here = tempfile::tempdir().expect("a directory");
    let [authority, key] = ["user_ca", "laptop"].map(|name| keygen(here.path(), name, "ed25519"));
    let demo = trusting(&[&authority]);
    let valid = |serial| ["-n", CLIENT_ONE, "-V", "-1m:+1h", "-z", serial];
    sign(&authority, &key, &valid("7"));
    let mut session = Open::with(&options(&demo, CLIENT_ONE, &key));
    session.reads_the_root(MATTER_ONE);
    let mut by_key = Open::new(&demo, CLIENT_ONE);
    by_key.reads_the_root(MATTER_ONE);
    revoke(&demo, "serial: 5-7\nid: tablet\n");
    assert!(opens(&demo, CLIENT_ONE, &key), "nothing is read before a reload");
    let told = ok(demo.deedbox(&["reload"]));
    let began = Instant::now();
    session.until_gone(MATTER_ONE);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(told.contains("revoked") && !opens(&demo, CLIENT_ONE, &key), "{told}");
    by_key.reads_the_root(MATTER_ONE);
    revoke(&demo, "serial: seven\n");
    let refused = demo.deedbox(&["reload"]);
    assert!(both(&refused).contains("revoked_keys, line 1: "), "{}", both(&refused));
    assert!(!opens(&demo, CLIENT_ONE, &key), "the list in force stays");

    // Lines that are a certificate or a key; the latter whether or not it is certified.
    sign(&authority, &key, &valid("8"));
    assert!(opens(&demo, CLIENT_ONE, &key));
    let line = |file: &Path| std::fs::read_to_string(file).expect("a line");
    revoke(&demo, &line(&certificate(&key)));
    ok(demo.deedbox(&["reload"]));
    assert!(!opens(&demo, CLIENT_ONE, &key));
    sign(&authority, &key, &valid("9"));
    assert!(opens(&demo, CLIENT_ONE, &key));
    let own = demo.deedbox_json(&["account", "key", "list", CLIENT_ONE])[0]["fingerprint"].clone();
    let own = own.as_str().expect("a fingerprint");
    revoke(&demo, &format!("{}hash: {own}\n", line(&key.with_extension("pub"))));
    ok(demo.deedbox(&["reload"]));
    by_key.until_gone(MATTER_ONE);
    assert!(!opens(&demo, CLIENT_ONE, &key) && !opens(&demo, CLIENT_ONE, Path::new(demo.key(CLIENT_ONE))));
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("certificate is revoked") && record.contains("the key is revoked"), "{record}");
    revoke(&demo, "");
    ok(demo.deedbox(&["reload"]));
    assert!(opens(&demo, CLIENT_ONE, &key) && opens(&demo, CLIENT_ONE, Path::new(demo.key(CLIENT_ONE))));
}

#[test]
fn a_certificate_counts_as_a_key_for_restrictions_and_the_second_factor_and_its_session_ends_with_it() {
    let here = tempfile::tempdir().expect("a directory");
    let [authority, key] = ["user_ca", "laptop"].map(|name| keygen(here.path(), name, "ed25519"));
    let demo = trusting(&[&authority]);
    let restrict = |methods: &str| drop(ok(demo.deedbox(&["account", "restrict", CLIENT_ONE, "--methods", methods])));
    sign(&authority, &key, &["-n", CLIENT_ONE, "-V", "-1m:+1h"]);
    restrict("password");
    assert!(!opens(&demo, CLIENT_ONE, &key));
    restrict("publickey");
    sign(&authority, &key, &["-n", CLIENT_ONE, "-V", "-1m:+3s"]);
    let mut short = Open::with(&options(&demo, CLIENT_ONE, &key));
    short.reads_the_root(MATTER_ONE);
    let began = Instant::now();
    short.until_gone(MATTER_ONE);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());

    sign(&authority, &key, &["-n", CLIENT_ONE, "-V", "-1m:+1h"]);
    let (secret, _) = factors::enable(&demo);
    assert!(!opens(&demo, CLIENT_ONE, &key), "without a code");
    factors::early_in_a_step();
    let askpass = logins::askpass(here.path(), &format!("echo '{}'", factors::code(&secret, 0)));
    let identity = format!("IdentityFile={}", key.display());
    let options = ["-o", "PreferredAuthentications=publickey,keyboard-interactive", "-o", &identity];
    ok(logins::sftp(&demo, CLIENT_ONE, &options, Some(&askpass), "ls /\n"));
    let record = ok(demo.deedbox(&["audit", "show"]));
    assert!(record.contains("with second factor") && record.contains("may not log in by this method"), "{record}");
}
