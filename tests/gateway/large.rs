//! Large documents and large folders: flat memory, whole content, quick listings.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::demo::*;
use crate::desktop::names_on_desktops;
use crate::mounts::names_in_every_client;

const GIB: u64 = 1 << 30;
/// The daemon may not need more than this while 5 GiB pass through, in KiB. As it is built for tests it takes 150 to 220 MiB,
/// as it is released 55 (`benches/compare dav-memory sftp-memory`, whose bound is 200); what must not be is growth with the size.
const MEMORY_KIB: u64 = 256 * 1024;
/// What the catalog's cache may take beside (`kv.cache_mib`): ten thousand commits fill it with pages.
const CACHE_KIB: u64 = 128 * 1024;

/// Peak resident memory of the daemon so far, in KiB.
fn peak_memory(demo: &Demo) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", demo.pid())).expect("the daemon runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number")
}

/// How many PROPFINDs the daemon has answered.
fn propfinds(demo: &Demo) -> u64 {
    let metrics = client("curl").args(["-sSf", &format!("http://{}/metrics", demo.text("observe"))]).output();
    let metrics = ok(metrics.expect("curl is installed"));
    let counters =
        metrics.lines().filter(|line| line.starts_with("http_requests_total{") && line.contains("\"PROPFIND\""));
    counters.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[test]
fn five_gibibytes_pass_both_ways_on_both_front_ends_with_flat_memory() {
    let demo = Demo::start();
    let home = tempfile::tempdir().expect("a directory");
    let source = home.path().join("large.bin");
    // Holes read as zeros; a pattern at every 256 MiB and an odd end show that nothing is shifted or cut.
    let mut file = std::fs::File::create(&source).expect("created");
    for i in 0..20u64 {
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(i * GIB / 4 + i * 1013)).expect("sought");
        file.write_all(&bytes(i, 100_000)).expect("written");
    }
    file.set_len(5 * GIB + 12_345).expect("sized");
    drop(file);
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    let text = source.to_string_lossy();

    ok(demo.sftp(CLIENT_ONE, &format!("put {text} \"{folder}/sftp.bin\"")));
    assert_eq!(demo.status(CLIENT_ONE, &format!("{folder}/web.bin"), &["-T", &text]), 201);
    // Crosswise, so that each front end reads what the other wrote.
    let mut curl = client("curl")
        .args(["-sSf", "--cacert", demo.text("ca_file")])
        .args(["-u", &format!("{CLIENT_ONE}:{}", demo.password(CLIENT_ONE)), &demo.url(&format!("{folder}/sftp.bin"))])
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    let compared = Command::new("cmp").arg(&source).arg("-").stdin(curl.stdout.take().expect("piped")).output();
    assert!(curl.wait().expect("it ends").success());
    ok(compared.expect("cmp"));
    let got = home.path().join("got.bin");
    ok(demo.sftp(CLIENT_ONE, &format!("get \"{folder}/web.bin\" {}", got.display())));
    ok(Command::new("cmp").arg(&source).arg(&got).output().expect("cmp"));

    let peak = peak_memory(&demo);
    assert!(peak < MEMORY_KIB, "the daemon needed {peak} KiB");
    demo.stop();
}

#[test]
fn a_folder_of_ten_thousand_entries_is_listed_whole_on_both_front_ends() {
    const ENTRIES: usize = 10_000;
    let demo = Demo::start();
    let folder = format!("/{MATTER_ONE}/Documents/Shared room");
    // Many sessions at once share the syncs of record and catalog.
    std::thread::scope(|scope| {
        for worker in 0..16 {
            let (demo, folder) = (&demo, &folder);
            scope.spawn(move || {
                let made = (0..ENTRIES).filter(|i| i % 16 == worker);
                let batch: String = made.map(|i| format!("mkdir \"{folder}/entry {i:05}\"\n")).collect();
                ok(demo.sftp(CLIENT_ONE, &batch));
            });
        }
    });
    let listed = ok(demo.sftp(CLIENT_ONE, &format!("ls -1 \"{folder}\"")));
    assert_eq!(listed.lines().filter(|line| line.contains("entry ")).count(), ENTRIES);
    let found = demo.curl(CLIENT_ONE, &folder, &["-f", "-X", "PROPFIND", "-H", "Depth: 1"]);
    assert!(found.status.success(), "{}", both(&found));
    assert_eq!(stdout(&found).matches("<D:response>").count(), ENTRIES + 1);
    let before = propfinds(&demo);
    for (program, names) in names_in_every_client(&demo, &folder).into_iter().chain(names_on_desktops(&demo, &folder)) {
        assert_eq!(names, ENTRIES, "{program}");
    }
    // Each asks for the listing as a whole, and for a few folders on the way to it; nobody has to ask for each entry.
    let asked = propfinds(&demo) - before;
    assert!(asked < 100, "{asked} requests");
    let peak = peak_memory(&demo);
    assert!(peak < MEMORY_KIB + CACHE_KIB, "the daemon needed {peak} KiB");
    demo.stop();
}
