use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::names::Role;

fn mistakes(text: &str) -> String {
    match parse(text, Path::new("/etc/deedbox/deedbox.toml")) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes.to_string().replace("/etc/deedbox/deedbox.toml:", ""),
    }
}

#[test]
fn an_empty_file_means_the_defaults() {
    let settings = parse("", Path::new("/etc/deedbox/deedbox.toml")).expect("valid");
    assert_eq!(settings.data.path(), Path::new("/etc/deedbox"));
    assert_eq!(settings.kv.engine, Engine::Redb);
    assert_eq!(settings.sftp.expect("on").host_keys.len(), 2);
    assert!(settings.observe.expect("on").ip().is_loopback());
}

#[test]
fn relative_paths_start_at_the_file() {
    let settings = parse("data = \"state\"\n[https]\nkey = \"/secret/key.pem\"", Path::new("/srv/box/deedbox.toml"));
    let settings = settings.expect("valid");
    assert_eq!(settings.data.path(), Path::new("/srv/box/state"));
    assert_eq!(settings.https.clone().expect("on").key, Path::new("/secret/key.pem"));
    assert_eq!(settings.https.expect("on").certificate, Path::new("/srv/box/state/certs/server.pem"));
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let text = "\
firm = 7
frim = \"misspelt\"

[sftp]
listen = \"localhost\"
port = 22

[observe]
listen = \"0.0.0.0:9464\"

[kv]
engine = \"postgres\"
cache_mib = \"much\"

[limits]
connections = 0
uploads = 10
uploads_per_account = 11

[log]
filter = \"info,deedbox=loud\"
";
    let expected = "\
1:8: invalid type: integer `7`, expected a string
2:1: unknown field `frim`, expected one of `firm`, `data`, `matter_types`, `guards`, `intake`, `time_zone`, `sftp`, `scanners`, `https`, `api`, `observe`, `pages`, `kv`, `audit`, \
                    `log`, `sandbox`, `stop`, `uploads`, `temporary_files`, `names`, `limits`, `mail`, `scan`
5:10: `sftp.listen` must be an address and a port, such as \"127.0.0.1:2022\" or \"[::]:2022\"
6:1: unknown field `port`, expected one of `enabled`, `listen`, `host_keys`, `banner`, `post_quantum_only`, `trusted_user_ca_keys`, `revoked_keys`
9:10: `observe.listen` must be a loopback address: metrics and health are answered without a login
12:10: `kv.engine` must be \"redb\" or \"sled\"
13:13: invalid type: string \"much\", expected u64
16:15: `limits.connections` must be between 1 and 100000
18:23: `limits.uploads_per_account` must not be more than `limits.uploads`, which is 10
21:10: `log.filter` is a list such as \"info,deedbox::front=debug\" of the levels off, error, warn, info, debug and \
                    trace; `deedbox=loud` is none of it";
    assert_eq!(mistakes(text), expected);
}

#[test]
fn a_banner_is_plain_text_of_a_few_lines() {
    let banner = |toml: &str| parse(toml, Path::new("/x.toml")).map(|settings| settings.sftp.expect("on").banner);
    assert_eq!(banner("").expect("valid"), None);
    let two =
        banner("[sftp]\nbanner = \"\"\"\nClients of the firm only.\n\nAccess is recorded.\n\"\"\"\n").expect("valid");
    assert_eq!(two.as_deref(), Some("Clients of the firm only.\r\n\r\nAccess is recorded.\r\n"));
    for wrong in ["".to_owned(), "\\u001b[2J".to_owned(), "a".repeat(4097)] {
        let mistakes = mistakes(&format!("[sftp]\nbanner = \"{wrong}\"\n"));
        assert!(mistakes.starts_with("2:10: `sftp.banner` must be"), "{mistakes}");
    }
}

#[test]
fn host_keys_are_as_many_as_can_be_announced() {
    let keys = |count: usize| format!("[sftp]\nhost_keys = [{}]\n", "\"k\", ".repeat(count));
    let settings = parse(&keys(16), Path::new("/srv/deedbox.toml")).expect("valid");
    assert_eq!(settings.sftp.expect("on").host_keys.len(), 16);
    assert_eq!(mistakes(&keys(17)), "2:94: `sftp.host_keys` can name 16 files at most");
}

#[test]
fn patterns_of_temporary_files_are_checked_and_have_defaults() {
    let defaults = parse("", Path::new("/x.toml")).expect("valid").temporary_files;
    assert_eq!(defaults.names, crate::names::TransientNames::default());
    let text = "[temporary_files]\nbeside = [\"*.swp\", \"*\", \"[a-\"]\nsave_seconds = 0\n";
    let expected = "\
2:20: `temporary_files.beside`: the pattern \"*\" must have at least two characters that are no wildcards, or it would take \
                    documents for temporary files
2:25: `temporary_files.beside`: the pattern \"[a-\" has a `[` that is not closed, or with nothing in it
3:16: `temporary_files.save_seconds` must be between 1 and 3600";
    assert_eq!(mistakes(text), expected);
}

#[test]
fn the_listener_for_old_scanners_is_off_unless_it_has_an_address_and_scanners() {
    let section = |lines: &str| format!("time_zone = \"Europe/Berlin\"\n[scanners]\n{lines}");
    assert_eq!(parse(&section(""), Path::new("/x.toml")).expect("valid").scanners, None);
    let text = section("listen = \"192.0.2.1:2222\"\nallow = [\"192.0.2.0/24\"]\nuntil = \"2027-06-30\"\n");
    let on = parse(&text, Path::new("/srv/deedbox.toml")).expect("valid").scanners.expect("on");
    assert_eq!(on.until.expect("a date").to_string(), "2027-06-30T22:00:00.000Z");
    assert_eq!((on.allow[0].to_string().as_str(), on.host_keys.len()), ("192.0.2.0/24", 2));
    let wrong = section("allow = [\"192.0.2.17/24\", \"printer\", \"::/0\"]\nuntil = \"2027-06-31\"\n");
    let expected = "\
3:10: `scanners.allow`: \"192.0.2.17/24\" does not start at its first address: there are bits beyond its prefix
3:10: `scanners.listen` is missing: old scanners have an address of their own, such as \"192.0.2.1:2222\"
3:27: `scanners.allow`: \"printer\" must be an address or a range, such as \"192.0.2.17\", \"192.0.2.0/24\" or \"2001:db8::/64\"
3:38: `scanners.allow`: \"::/0\" takes every address there is
4:9: `scanners.until` must be the last day on which it is open, such as \"2027-06-30\"";
    assert_eq!(mistakes(&wrong), expected);
    let expected = "\
3:10: `scanners.allow` is empty: it must have the scanners' addresses, such as [\"192.0.2.17\", \"198.51.100.0/28\"]
3:10: `scanners.listen` is the address of `sftp.listen`: it must be one of its own";
    assert_eq!(mistakes(&section("listen = \"127.0.0.1:2022\"\nallow = []\n")), expected);
}

#[test]
fn mail_is_on_with_a_relay_a_sender_and_a_link_and_never_in_clear_over_the_network() {
    let link = "[https]\npublic_url = \"https://portal.example.com/\"\n";
    let mail = |lines: &str| format!("{link}[mail]\n{lines}");
    let from = "from = \"The firm <portal@example.com>\"\n";
    assert!(parse("[mail]\nquiet_seconds = 5", Path::new("/x.toml")).expect("valid").mail.is_none());
    let text = mail(&format!("smtp = \"[::1]:2525\"\ntls = \"none\"\n{from}quiet_seconds = 700\ndigest_hour = 18"));
    let on = parse(&text, Path::new("/srv/box/deedbox.toml")).expect("valid").mail.expect("on");
    assert_eq!((on.relay.host.as_str(), on.relay.port, on.relay.tls), ("::1", 2525, RelayTls::None));
    assert_eq!((on.public_url.as_str(), on.digest_hour), ("https://portal.example.com", Some(18)));
    assert_eq!(on.longest, on.quiet, "mail never waits for less than the quiet time");
    for (text, says) in [
        (mail(&format!("smtp = \"smtp.example.com:587\"\ntls = \"none\"\n{from}")), "this machine alone"),
        (mail(&format!("smtp = \"smtp.example.com\"\n{from}")), "name or address and its port"),
        (mail("smtp = \"smtp.example.com:587\""), "mail has a sender"),
        (mail("smtp = \"smtp.example.com:587\"\nfrom = \"a@b.example\\r\\nBcc: c@d.example\""), "one address"),
        (format!("[mail]\nsmtp = \"smtp.example.com:587\"\n{from}"), "https.public_url"),
        (mail(&format!("smtp = \"smtp.example.com:587\"\n{from}user = \"one\"")), "go together"),
        (
            mail(&format!("smtp = \"localhost:25\"\ntls = \"none\"\n{from}user = \"one\"\npassword_file = \"p\"")),
            "without TLS",
        ),
        ("[https]\npublic_url = \"http://portal.example.com\"".to_owned(), "starts with https://"),
        ("[https]\npublic_url = \"https://a@portal.example.com\"".to_owned(), "starts with https://"),
    ] {
        assert!(mistakes(&text).contains(says), "{text}: {}", mistakes(&text));
    }
}

#[test]
fn uploads_are_scanned_where_a_clamd_on_this_machine_is_named() {
    let scan = |lines: &str| parse(&format!("[scan]\n{lines}"), Path::new("/srv/box/deedbox.toml"));
    assert!(scan("max_mib = 5").expect("valid").scan.is_none());
    let on = scan("clamd = \"/run/clamav/clamd.ctl\"").expect("valid").scan.expect("on");
    assert_eq!((on.clamd.port(), on.clamd.to_string().as_str()), (None, "/run/clamav/clamd.ctl"));
    assert_eq!((on.who, on.longer, on.max_bytes), (vec![Role::Participant, Role::Device], Longer::Refuse, 25 << 20));
    let on = scan("clamd = \"[::1]:3310\"\nwho = [\"staff\"]\nlonger = \"accept\"").expect("valid").scan.expect("on");
    assert_eq!((on.clamd.port(), on.who, on.longer), (Some(3310), vec![Role::Staff], Longer::Accept));
    for (lines, says) in [
        ("clamd = \"192.0.2.1:3310\"", "in clear"),
        ("clamd = \"clamd.example.com:3310\"", "a loopback address"),
        ("clamd = \"127.0.0.1:0\"", "a loopback address"),
        ("who = [\"everybody\"]", "2:8: `scan.who` is a list of"),
        ("longer = \"maybe\"", "\"refuse\" or \"accept\""),
    ] {
        let mistakes = mistakes(&format!("[scan]\n{lines}"));
        assert!(mistakes.contains(says), "{lines}: {mistakes}");
    }
}

#[test]
fn syntax_errors_have_a_place_too() {
    assert!(mistakes("firm = \"x\"\n[kv\nengine = 3\n").starts_with("2:"), "{}", mistakes("firm = \"x\"\n[kv\n"));
    assert!(mistakes("firm = \n").starts_with("1:"));
}

#[test]
fn a_section_of_the_wrong_kind_is_one_mistake() {
    assert_eq!(mistakes("kv = 3\n"), "1:6: invalid type: integer `3`, expected struct Kv");
}

#[test]
fn the_sample_configuration_is_valid() {
    let sample = include_str!("../../config/deedbox.toml");
    parse(sample, Path::new("/etc/deedbox/deedbox.toml")).expect("the sample is valid");
    // Its commented settings are valid too, and are the defaults.
    let all: String =
        sample.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).flat_map(|line| [line, "\n"]).collect();
    let written = parse(&all, Path::new("/etc/deedbox/deedbox.toml")).expect("valid with everything written out");
    let default = parse("", Path::new("/etc/deedbox/deedbox.toml")).expect("valid");
    assert_eq!(written.limits, default.limits);
    assert_eq!(written.uploads, default.uploads);
    assert_eq!(written.time_zone, default.time_zone);
    assert_eq!(written.kv.cache_bytes, default.kv.cache_bytes);
}

#[test]
fn guards_and_rules_lie_beside_the_configuration_and_the_time_zone_is_known() {
    let text = "guards = \"policies/guards.cedar\"\nintake = \"policies/intake.toml\"\ntime_zone = \"Europe/Berlin\"\n";
    let settings = parse(text, Path::new("/etc/d.toml")).expect("valid");
    assert_eq!(settings.intake.as_deref(), Some(Path::new("/etc/policies/intake.toml")));
    assert_eq!(settings.guards.as_deref(), Some(Path::new("/etc/policies/guards.cedar")));
    assert_eq!(settings.time_zone.iana_name(), Some("Europe/Berlin"));
    assert!(mistakes("time_zone = \"Europe/Nowhere\"\n").starts_with("1:13: `time_zone` must be a name"));
}

#[test]
fn the_engine_can_be_found_in_the_text() {
    let text = "[kv]\nengine = \"redb\"\n";
    let settings = parse(text, Path::new("x.toml")).expect("valid");
    assert_eq!(settings.kv.engine_span.map(|span| &text[span]), Some("\"redb\""));
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in "\\PC{0,200}") {
        let _ = parse(&text, Path::new("x.toml"));
    }

    #[test]
    fn nothing_that_looks_like_a_configuration_makes_parsing_panic(
        lines in proptest::collection::vec("(\\[[a-z.]{1,8}\\]|[a-z_.]{1,9} = (\"[^\"]{0,9}\"|[0-9]{1,3}|\\[\\]|\\{\\}))", 0..12)
    ) {
        let _ = parse(&lines.join("\n"), Path::new("x.toml"));
    }
}
