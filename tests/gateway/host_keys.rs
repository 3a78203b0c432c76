//! The host's keys: OpenSSH learns all of them after a login, and so a key can be replaced without anybody being asked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{PrivateKey, PublicKey, PublicKeyOrCertificate};

use crate::demo::*;
use crate::factors;
use crate::logins;
use crate::sftp_channel::{run, string};

const ED25519: &str = "ssh_host_ed25519_key";
const RSA: &str = "ssh_host_rsa_key";
const PROVE: &str = "hostkeys-prove-00@openssh.com";

/// Where the firm keeps one of its host keys.
fn file(demo: &Demo, name: &str) -> PathBuf {
    demo.data().join("keys/ssh").join(name)
}

/// The public half of one.
fn public_key(demo: &Demo, name: &str) -> PublicKey {
    let key = PrivateKey::from_openssh(std::fs::read(file(demo, name)).expect("a key")).expect("a key");
    key.public_key().clone()
}

/// The same, in base64.
fn public(demo: &Demo, name: &str) -> String {
    let line = public_key(demo, name).to_openssh().expect("a line");
    line.split(' ').nth(1).expect("base64").to_owned()
}

fn publics(demo: &Demo, names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| public(demo, name)).collect()
}

/// As an administrator makes one.
fn keygen(demo: &Demo, name: &str, kind: &[&str]) {
    let mut keygen = client("ssh-keygen");
    keygen.args(["-q", "-N", "", "-t"]).args(kind).arg("-f").arg(file(demo, name));
    ok(keygen.output().expect("ssh-keygen is installed"));
}

/// Puts these host keys in force, in this order.
fn put_in_force(demo: &Demo, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"keys/ssh/{name}\"")).collect();
    let setting = format!("host_keys = [{}]", names.join(", "));
    let of = |line: &str| if line.contains("host_keys = [") { setting.clone() } else { line.to_owned() };
    demo.configure(|text| text.lines().map(|line| of(line) + "\n").collect());
    ok(demo.deedbox(&["reload"]))
}

/// What somebody has who was told these of the host's keys.
fn known_hosts(demo: &Demo, here: &Path, names: &[&str]) -> PathBuf {
    let port = demo.sftp_port();
    let line = |name: &&str| {
        let kind = if name.contains("rsa") { "ssh-rsa" } else { "ssh-ed25519" };
        format!("[127.0.0.1]:{port} {kind} {}\n", public(demo, name))
    };
    let known = here.join("known_hosts");
    std::fs::write(&known, names.iter().map(line).collect::<String>()).expect("written");
    known
}

/// The keys that a client knows, in base64.
fn learnt(known: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(known).expect("known hosts");
    text.lines().map(|line| line.split(' ').nth(2).expect("base64").to_owned()).collect()
}

/// A client that knows what it knows, takes nothing on trust and learns what it is told. Of each option OpenSSH takes the first.
fn comes(demo: &Demo, known: &Path, more: &[&str]) -> Output {
    comes_answering(demo, known, more, None)
}

fn comes_answering(demo: &Demo, known: &Path, more: &[&str], askpass: Option<&Path>) -> Output {
    let known = format!("UserKnownHostsFile={}", known.display());
    let learning = [&known, "StrictHostKeyChecking=yes", "UpdateHostKeys=yes", "GlobalKnownHostsFile=/dev/null"];
    let mut sftp = client("sftp");
    sftp.args(more.iter().chain(&learning).flat_map(|option| ["-o", *option]));
    sftp.args(demo.ssh_options(CLIENT_ONE)).args(["-b", "-", "127.0.0.1"]);
    if let Some(askpass) = askpass {
        sftp.env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force");
    }
    logins::run(sftp, "ls /\n")
}

#[test]
fn a_client_that_knows_one_host_key_learns_all_of_them_however_it_logs_in() {
    let (demo, here) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let all = publics(&demo, &[ED25519, RSA]);
    let known = known_hosts(&demo, here.path(), &[ED25519]);
    assert!(ok(comes(&demo, &known, &[])).contains(MATTER_ONE));
    assert_eq!(learnt(&known), all, "after a key");

    let by = |methods: &str, answer: &str| {
        let known = known_hosts(&demo, here.path(), &[RSA]);
        let methods = format!("PreferredAuthentications={methods}");
        let askpass = logins::askpass(here.path(), answer);
        let options = ["BatchMode=no", "NumberOfPasswordPrompts=1", &methods];
        ok(comes_answering(&demo, &known, &options, Some(&askpass)));
        learnt(&known)
    };
    let password = demo.password(CLIENT_ONE);
    assert_eq!(by("password", &format!("echo '{password}'")), all, "after a password");
    let (secret, _) = factors::enable(&demo);
    factors::early_in_a_step();
    let code = factors::code(&secret, 0);
    let answer = format!("case \"$1\" in *ode*) echo '{code}' ;; *) echo '{password}' ;; esac");
    assert_eq!(by("password,keyboard-interactive", &answer), all, "after a code");
}

#[test]
fn a_host_key_is_replaced_without_a_question_to_those_who_came_while_both_were_announced() {
    let (demo, here) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    let next = "ssh_host_ed25519_key_next";
    let in_use = || {
        let mut scan = client("ssh-keyscan");
        let said = ok(scan.args(["-t", "ed25519", "-p", demo.sftp_port(), "127.0.0.1"]).output().expect("installed"));
        said.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(2)).collect::<String>()
    };
    let fingerprint = |name: &str| {
        let said = ok(client("ssh-keygen").arg("-lf").arg(file(&demo, name)).output().expect("installed"));
        said.split(' ').nth(1).expect("a fingerprint").to_owned()
    };
    keygen(&demo, next, &["ed25519"]);
    let (old_one, next_one, rsa_one) = (fingerprint(ED25519), fingerprint(next), fingerprint(RSA));

    let told = put_in_force(&demo, &[ED25519, RSA, next]);
    let said = format!(
        "the SSH host keys, now ssh-ed25519 {old_one}, ssh-rsa {rsa_one}; announced alone: ssh-ed25519 {next_one}"
    );
    assert!(told.contains(&said), "{said}: {told}");
    assert_eq!(in_use(), public(&demo, ED25519));
    let stranger = here.path().join("stranger");
    std::fs::create_dir(&stranger).expect("made");
    let stranger = known_hosts(&demo, &stranger, &[ED25519]);
    let known = known_hosts(&demo, here.path(), &[ED25519]);
    ok(comes(&demo, &known, &[]));
    assert_eq!(learnt(&known), publics(&demo, &[ED25519, RSA, next]));

    // The next one is first now. The old one is still announced, so nobody forgets it while there is a way back.
    put_in_force(&demo, &[next, RSA, ED25519]);
    assert_eq!(in_use(), public(&demo, next));
    ok(comes(&demo, &known, &[]));
    assert_eq!(learnt(&known), publics(&demo, &[ED25519, RSA, next]));
    let refused = both(&comes(&demo, &stranger, &["HostKeyAlgorithms=ssh-ed25519"]));
    assert!(refused.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{refused}");

    let told = put_in_force(&demo, &[next, RSA]);
    assert!(told.contains(&format!("now ssh-ed25519 {next_one}, ssh-rsa {rsa_one}\n")), "{told}");
    ok(comes(&demo, &known, &[]));
    assert_eq!(learnt(&known), publics(&demo, &[RSA, next]), "the old one is forgotten");
    ok(comes(&demo, &known, &[]));
}

#[test]
fn rsa_host_keys_are_proven_by_the_hash_of_the_key_exchange() {
    let (demo, here) = (Demo::start(), tempfile::tempdir().expect("a directory"));
    keygen(&demo, "ssh_host_rsa_key_next", &["rsa", "-b", "3072"]);
    put_in_force(&demo, &[RSA, "ssh_host_rsa_key_next", ED25519]);
    let all = publics(&demo, &[RSA, "ssh_host_rsa_key_next", ED25519]);
    for algorithm in ["rsa-sha2-256", "rsa-sha2-512"] {
        let known = known_hosts(&demo, here.path(), &[RSA]);
        let algorithms = format!("HostKeyAlgorithms={algorithm},ssh-ed25519");
        ok(comes(&demo, &known, &[&algorithms]));
        assert_eq!(learnt(&known), all, "{algorithm}");
    }
}

/// A client that keeps what it is told.
#[derive(Default, Clone)]
struct Listening(Arc<Mutex<Vec<Vec<PublicKey>>>>);

impl client::Handler for Listening {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }

    async fn openssh_ext_host_keys_announced(
        &mut self,
        keys: Vec<PublicKey>,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.0.lock().expect("not poisoned").push(keys);
        Ok(())
    }
}

async fn listen(demo: &Demo, address: &str, login: &str) -> (Handle<Listening>, Listening) {
    let listening = Listening::default();
    let mut ssh = client::connect(Arc::default(), address, listening.clone()).await.expect("keys exchanged");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(listening.0.lock().expect("not poisoned").is_empty(), "told before the login");
    let answer = ssh.authenticate_password(login, demo.password(login)).await.expect("answered");
    assert!(answer.success());
    (ssh, listening)
}

#[test]
fn only_the_firms_own_host_keys_are_proven_each_once_and_not_without_end() {
    run(async {
        let demo = Demo::shared();
        let (ssh, listening) = listen(demo, demo.text("sftp"), CLIENT_ONE).await;
        let own = Vec::from([RSA, ED25519].map(|name| public_key(demo, name)));
        // russh's client verifies what it gets, for its session.
        ssh.hostkeys_prove(own.clone()).await.expect("proven");
        let announced = listening.0.lock().expect("not poisoned").clone();
        assert_eq!(announced.len(), 1, "announced once");
        let set = |keys: &[PublicKey]| keys.iter().map(|key| key.to_bytes().expect("bytes")).collect::<BTreeSet<_>>();
        assert_eq!(set(&announced[0]), set(&own));

        let foreign =
            PublicKey::from_openssh("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ");
        let foreign = foreign.expect("a key");
        for asked in [vec![foreign.clone()], vec![own[0].clone(), foreign], [own.clone(), own.clone()].concat()] {
            let answer = ssh.hostkeys_prove(asked.clone()).await;
            assert!(matches!(answer, Err(russh::Error::RequestDenied)), "{answer:?} to {asked:?}");
        }
        for broken in [&b""[..], b"\0\0\0", b"\0\0\0\x09key", b"\xff\xff\xff\xff", &string(b"")] {
            let answer = ssh.send_global_request(PROVE, broken, true).await;
            assert!(matches!(answer, Err(russh::Error::RequestDenied)), "{answer:?} to {broken:?}");
        }
        // More than a client needs have been asked by now: none is answered any more, and the session goes on.
        let spent = ssh.hostkeys_prove(own.clone()).await;
        assert!(matches!(spent, Err(russh::Error::RequestDenied)), "{spent:?}");
        let unknown = ssh.send_global_request("colour@example.com", b"red", true).await;
        assert!(matches!(unknown, Err(russh::Error::RequestDenied)), "{unknown:?}");
        assert!(ssh.channel_open_session().await.is_ok());
    });
}

#[test]
fn the_listener_for_old_scanners_announces_and_proves_nothing() {
    let office = crate::scanners::Office::open();
    run(async {
        let demo = &office.demo;
        let address = format!("127.0.0.1:{}", office.port);
        let listening = Listening::default();
        let mut ssh = client::connect(Arc::default(), address, listening.clone()).await.expect("keys exchanged");
        let password = demo.deedbox_json(&["account", "password", SCANNER]);
        let password = password["password"].as_str().expect("a password");
        assert!(ssh.authenticate_password(SCANNER, password).await.expect("answered").success());
        let answer = ssh.hostkeys_prove(vec![public_key(demo, RSA)]).await;
        assert!(matches!(answer, Err(russh::Error::RequestDenied)), "{answer:?}");
        assert!(listening.0.lock().expect("not poisoned").is_empty());
    });
}
