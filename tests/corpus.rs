//! Every seed of the fuzz targets through the same entry on the stable toolchain: as it is, cut at every place, and with
//! every byte changed. What fuzzing finds is added to `fuzz/corpus/` and so stays fixed.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod entries;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

type Entry = fn(&[u8]);

const TARGETS: &[(&str, Entry)] = &[
    ("names", entries::names),
    ("sftp_packets", entries::sftp_packets),
    ("sftp_channel", entries::sftp_channel),
    ("dav_xml", entries::dav_xml),
    ("dav_headers", entries::dav_headers),
    ("audit_records", entries::audit_records),
    ("matter_type", entries::matter_type),
    ("guards", entries::guards),
    ("config", entries::config),
    ("intake", entries::intake),
];

/// Longer seeds are tested as they are: cutting them everywhere would cost the square of their length.
const MUTATED_UP_TO: usize = 2048;

/// Targets that do more than parse are changed at some places alone, the same ones each time.
fn stride(target: &str) -> usize {
    if target == "sftp_channel" { 89 } else { 1 }
}

fn fuzz(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(path)
}

fn names_in(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz(path)).expect("the folder is there");
    entries.map(|entry| entry.expect("readable").file_name().into_string().expect("a plain name")).collect()
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let corpus = format!("corpus/{target}");
    let read = |name: String| {
        let seed = fs::read(fuzz(&corpus).join(&name)).expect("readable");
        (format!("{corpus}/{name}"), seed)
    };
    names_in(&corpus).into_iter().map(read).collect()
}

/// Runs one input; a finding names it, with the bytes that make it.
fn run(entry: Entry, what: &str, input: &[u8]) {
    let finding = std::panic::catch_unwind(|| entry(input));
    assert!(finding.is_ok(), "{what}: {}", input.escape_ascii());
}

#[test]
fn every_seed_is_taken_or_refused_and_nothing_else() {
    for (target, entry) in TARGETS {
        for (name, seed) in seeds(target) {
            run(*entry, &name, &seed);
        }
    }
}

#[test]
fn every_seed_cut_or_changed_anywhere_is_taken_or_refused() {
    for (target, entry) in TARGETS {
        for (name, seed) in seeds(target).into_iter().filter(|(_, seed)| seed.len() <= MUTATED_UP_TO) {
            let mut changed = seed.clone();
            for at in (0..seed.len()).step_by(stride(target)) {
                run(*entry, &format!("{name} cut at {at}"), &seed[..at]);
                for byte in [0, 0xff, seed[at] ^ 0x01, b'/'] {
                    changed[at] = byte;
                    run(*entry, &format!("{name} with another byte at {at}"), &changed);
                }
                changed[at] = seed[at];
            }
        }
    }
}

#[test]
fn every_target_is_built_has_seeds_and_runs_here() {
    let here: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    let files = names_in("fuzz_targets").iter().map(|file| file.trim_end_matches(".rs").to_owned()).collect();
    assert_eq!(here, files, "fuzz/fuzz_targets and this test name the same targets");
    assert_eq!(here, names_in("corpus"), "fuzz/corpus has a folder for each target");
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).expect("readable");
    for target in here {
        assert!(manifest.contains(&format!("name = \"{target}\"\n")), "fuzz/Cargo.toml builds {target}");
        assert!(seeds(&target).len() >= 5, "{target} has seeds");
    }
}

/// Seeds that were all refused at their first byte would exercise nothing.
#[test]
fn good_seeds_are_taken() {
    let text = |path: &str| fs::read_to_string(fuzz("corpus").join(path)).expect("readable");
    let upload = fs::read(fuzz("corpus/sftp_packets/upload")).expect("readable");
    assert_eq!(deedbox::front::sftp::codec::decode_stream(&upload), 4);
    let put_and_get = fs::read(fuzz("corpus/sftp_channel/put-and-get")).expect("readable");
    assert_eq!(deedbox::fuzz_sftp_channel(&put_and_get), 2, "handles are had");
    for name in ["general", "estate-planning"] {
        let read = deedbox::practice::parse_matter_type(&text(&format!("matter_type/{name}")), name);
        assert!(read.is_ok(), "{read:?}");
    }
    for name in ["sample", "every-attribute"] {
        let read = deedbox::policy::guards::Guards::parse(&text(&format!("guards/{name}")));
        assert!(read.is_ok_and(|guards| !guards.is_empty()), "{name}");
    }
    for name in ["sample", "sample-all"] {
        let read = deedbox::config::parse(&text(&format!("config/{name}")), name.as_ref());
        assert!(read.is_ok(), "{read:?}");
    }
    let sample = text("intake/sample");
    let (rules, names) = sample.split_once("\n---\n").expect("rules, then names");
    let zone = jiff::tz::TimeZone::UTC;
    let read = deedbox::intake::Rules::parse(rules, "sample".as_ref(), zone);
    assert!(!names.is_empty() && read.is_ok_and(|rules| !rules.is_empty()));
    let key = text("audit_records/public.key").trim().parse::<deedbox::audit::VerifyKey>().expect("a verifier key");
    let proven = deedbox::audit::check_proof(text("audit_records/proof").as_bytes(), &key);
    assert!(proven.is_ok(), "{:?}", proven.err());
}
