//! A configuration that changes while people work.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::demo::*;
use crate::transfer::{Pace, Transfer, wait};

const SLOW: Pace = Pace { size: 12 << 20, per_second: 4 << 20 };

/// Another firm's certificate and host keys, as a renewal would bring them.
fn renewed(home: &Path) -> std::path::PathBuf {
    let other = home.join("renewed");
    ok(deedbox(&["init", &other.to_string_lossy()]));
    other
}

/// As certificate renewals do it: aside, then renamed.
fn put_in_place(from: &Path, to: &Path) {
    let aside = to.with_extension("new");
    std::fs::copy(from, &aside).expect("copied");
    std::fs::rename(aside, to).expect("renamed");
}

fn host_key(demo: &Demo) -> String {
    let scan = client("ssh-keyscan").args(["-t", "ed25519", "-p", demo.sftp_port(), "127.0.0.1"]).output();
    ok(scan.expect("ssh-keyscan is installed"))
}

#[test]
fn a_reload_drops_no_transfer_and_new_connections_see_the_new_certificate_and_host_key() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let new = renewed(home.path());
    let before = host_key(&demo);
    let transfers = [
        Transfer::sftp_get(&demo, home.path(), SLOW),
        Transfer::dav_get(&demo, home.path(), SLOW),
        Transfer::dav_put(&demo, home.path(), SLOW),
    ];
    for file in ["certs/server.key", "certs/server.pem", "keys/ssh/ssh_host_ed25519_key"] {
        put_in_place(&new.join(file), &demo.data().join(file));
    }
    signal(demo.pid(), "HUP");
    demo.wait_for_log("reload: changed: the certificate, now SHA-256 ");
    demo.wait_for_log("reload: changed: the SSH host keys");
    let seen_with = |authority: &Path| {
        let answer = client("curl").args(["-sS", "--cacert"]).arg(authority).arg(demo.url("/")).output();
        answer.expect("curl is installed").status.code()
    };
    assert_eq!(seen_with(&new.join("certs/ca.pem")), Some(0));
    assert_eq!(seen_with(&demo.data().join("certs/ca.pem")), Some(60), "the old certificate is still shown");
    let after = host_key(&demo);
    assert!(!before.is_empty() && !after.is_empty() && before != after, "{before}{after}");
    put_in_place(&new.join("certs/ca.pem"), &demo.data().join("certs/ca.pem"));
    transfers.into_iter().for_each(|transfer| transfer.arrives_whole(&demo));
    wait("the reload in the record", || ok(demo.deedbox(&["audit", "show"])).contains("the SSH host keys"));
}

#[test]
fn a_broken_configuration_is_refused_with_every_mistake_and_the_old_stays_in_force() {
    let demo = Demo::start();
    let whole = std::fs::read_to_string(demo.data().join("deedbox.toml")).expect("the configuration");
    demo.configure(|text| {
        let text = text.replace("listen = \"127.0.0.1:0\"", "listen = \"nowhere\"");
        text.replace("[stop]", "[stop]\ndrain = 1")
    });
    signal(demo.pid(), "HUP");
    demo.wait_for_log("what was in force stays in force");
    let log = demo.log();
    for mistake in ["`sftp.listen` must be", "`https.listen` must be", "unknown field `drain`"] {
        assert!(log.contains(mistake), "{mistake} is not in {log}");
    }
    let refused = demo.deedbox(&["reload"]);
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    assert!(both(&refused).contains("unknown field `drain`"), "{}", both(&refused));

    // Files that the settings name are read before anything changes, too.
    demo.configure(|_| whole.replace("#: drain_seconds = 30", "drain_seconds = 7"));
    std::fs::write(demo.data().join("certs/server.key"), "not a key").expect("written");
    std::fs::write(demo.data().join("keys/ssh/ssh_host_rsa_key"), "nor this").expect("written");
    let refused = both(&demo.deedbox(&["reload"]));
    assert!(refused.contains("certs/server.key") && refused.contains("ssh_host_rsa_key"), "{refused}");
    // Outcomes are durable within 100 ms.
    wait("the refusal in the record", || ok(demo.deedbox(&["audit", "show"])).contains("server.key"));
    let document = format!("/{MATTER_ONE}/Documents/From us/Draft contract.pdf");
    assert_eq!(demo.status(CLIENT_ONE, &document, &[]), 200);
    ok(demo.sftp(CLIENT_ONE, &format!("get \"{document}\" /dev/null")));
}

#[test]
fn what_changed_and_what_needs_a_restart_is_told_and_takes_effect() {
    let demo = Demo::start();
    assert_eq!(ok(demo.deedbox(&["reload"])), "nothing has changed\n");
    let debug = |log: &str| log.contains("DEBUG");
    assert!(!debug(&demo.log()));
    demo.configure(|text| {
        let text = text.replace("firm = \"Example Law\"", "firm = \"Example Law and Partners\"");
        let text = text.replace("#: filter = \"info\"", "filter = \"debug\"");
        let text = text.replace("#: fresh_minutes = 15", "fresh_minutes = 1");
        let text = text.replace("#: before_login_per_address = 50", "before_login_per_address = 1");
        text.replace("#: drain_seconds = 30", "drain_seconds = 5")
    });
    let told = demo.deedbox_json(&["reload"]);
    let words = |field: &str| -> Vec<String> {
        let list = told[field].as_array().unwrap_or_else(|| panic!("no {field} in {told}"));
        list.iter().map(|word| word.as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(words("changed"), ["firm", "log.filter", "stop.drain_seconds", "limits"]);
    assert_eq!(words("needs_restart"), ["uploads.fresh_minutes"]);
    demo.wait_for_log("reload: needs a restart: uploads.fresh_minutes");
    assert!(ok(demo.deedbox(&["status"])).contains("for Example Law and Partners runs"));

    // The realm is the firm's name; the limit holds for new connections.
    let mut curl = client("curl");
    curl.args(["-sSi", "--cacert", demo.text("ca_file"), "-X", "PROPFIND"]).arg(demo.url("/"));
    let challenge = ok(curl.output().expect("curl is installed"));
    assert!(challenge.contains("realm=\"Example Law and Partners\""), "{challenge}");
    let held = greeting(&demo);
    assert!(held.1.starts_with("SSH-2.0"), "{}", held.1);
    let newcomer = greeting(&demo);
    assert!(newcomer.1.starts_with("SSH-2.0"), "{}", newcomer.1);
    let ended = std::io::copy(&mut &held.0, &mut std::io::sink());
    assert!(ended.is_ok(), "a second stranger displaces the first: {ended:?}");
    assert!(debug(&demo.log()), "{}", demo.log());
    // What needs a restart is not in force, and so is named again.
    assert_eq!(ok(demo.deedbox(&["reload"])), "needs a restart: uploads.fresh_minutes\n");
}

#[test]
fn a_banner_is_shown_before_the_login_and_changes_with_a_reload() {
    let demo = Demo::start();
    let seen = || {
        let options = demo.ssh_options(CLIENT_ONE);
        let output = client("sftp").args(options).args(["-b", "/dev/null", "127.0.0.1"]).output();
        both(&output.expect("sftp is installed")).replace('\r', "")
    };
    assert!(!seen().contains("recorded"));
    demo.configure(|text| {
        let text = text.replace("For clients of the firm. Access", "Clients of the firm only.\\nEach access");
        text.replace("#: banner", "banner")
    });
    assert_eq!(ok(demo.deedbox(&["reload"])), "changed: sftp.banner\n");
    assert!(seen().contains("Clients of the firm only.\nEach access is recorded.\n"), "{}", seen());
    demo.configure(|text| text.replace("Each access", "Each \\u0007access"));
    let refused = demo.deedbox(&["reload"]);
    assert!(both(&refused).contains("`sftp.banner` must be text"), "{}", both(&refused));
}

/// A connection to the SFTP door and the first that it hears.
fn greeting(demo: &Demo) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(demo.text("sftp")).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let mut heard = [0; 64];
    let length = stream.read(&mut heard).unwrap_or(0);
    (stream, String::from_utf8_lossy(&heard[..length]).into_owned())
}

#[test]
fn matter_types_of_the_directory_are_applied_at_a_reload_and_at_a_start() {
    let demo = Demo::start();
    let folder = demo.data().join("policies");
    std::fs::create_dir(&folder).expect("made");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/estate-planning.toml");
    let text = std::fs::read_to_string(shipped).expect("readable");
    let name = text.lines().find_map(|line| line.strip_prefix("name = ")).expect("a name").trim_matches('"').to_owned();
    std::fs::write(folder.join("estate.toml"), &text).expect("written");
    demo.configure(|text| text.replace("#: matter_types", "matter_types"));
    let told = ok(demo.deedbox(&["reload"]));
    assert!(told.contains("changed: matter_types") && told.contains(&format!("{name}, now version 1")), "{told}");
    assert!(ok(demo.deedbox(&["matter-type", "list"])).contains(&name));
    assert_eq!(ok(demo.deedbox(&["reload"])), "nothing has changed\n");

    // One mistake anywhere, and none of it applies.
    std::fs::write(folder.join("broken.toml"), "name = 3\n").expect("written");
    let changed = format!("{text}\n[[folder]]\npath = \"Documents/Later\"\nrows = {{ client = \"list\" }}\n");
    std::fs::write(folder.join("estate.toml"), &changed).expect("written");
    let refused = demo.deedbox(&["reload"]);
    assert!(!refused.status.success() && both(&refused).contains("broken.toml"), "{}", both(&refused));
    let version = |demo: &Demo| {
        let all = demo.deedbox_json(&["matter-type", "list"]);
        let all = all.as_array().expect("a list").clone();
        all.into_iter().find(|kind| kind["name"] == name.as_str()).expect("there")["version"].as_u64()
    };
    assert_eq!(version(&demo), Some(1));
    std::fs::remove_file(folder.join("broken.toml")).expect("removed");

    let data = demo.data().to_owned();
    let _home = demo.stop();
    let demo = Demo::start_in(&data);
    assert_eq!(version(&demo), Some(2), "a start applies them as well");
}

#[test]
fn reload_without_a_daemon_says_so() {
    let demo = Demo::start();
    let data = demo.data().to_owned();
    let _home = demo.stop();
    let told = deedbox(&["reload", "--data", &data.to_string_lossy()]);
    assert_eq!(told.status.code(), Some(1));
    assert!(both(&told).contains("no daemon runs on"), "{}", both(&told));
}
