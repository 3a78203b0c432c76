//! The inner parts, each alone: path parsing, the policy's decision, that of the sample guards, and the catalog with either engine at a thousand and
//! at a million documents. `cargo bench --bench inner [FILTER]`; the stores lie in the target directory.

mod catalog;

use std::collections::HashMap;

use age::Recipient as _;
use age_core::format::FileKey;
use deedbox::keys::MatterKey;
use deedbox::names::{Area, Areas, AuthMethod, DocName, DocPath, Front, MatterId, NodeId, Place, Rights, Role, Verb};
use deedbox::policy::guards::{Asker, Guards, LocalTime, Question};
use deedbox::policy::{
    Decision, FolderRule, MatterRules, Object, Operation, Participation, Row, RuledFolder, Standing, decide, granted,
    may_enter,
};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const PATH: &str = "/2026-0001 Purchase of 12 High Street/Documents/From us/Draft contract (seller's comments).docx";

#[divan::bench]
fn path_parse() -> DocPath {
    DocPath::parse(black_box(PATH.as_bytes())).expect("a path")
}

#[divan::bench]
fn path_parse_decomposed() -> DocPath {
    DocPath::parse(black_box("/Erbengemeinschaft Mu\u{308}ller/Vertra\u{308}ge/U\u{308}bersicht.pdf".as_bytes()))
        .expect("a path")
}

#[divan::bench]
fn path_fold_name(bencher: Bencher) {
    let name = DocName::parse("Straßenausbaubeiträge, Übersicht.PDF".as_bytes()).expect("a name");
    bencher.bench(|| black_box(&name).folded());
}

/// A participant on a hundred matters, and the rules of one with fifty folders.
struct Firm {
    standing: Standing,
    rules: MatterRules,
    place: Place,
}

fn firm() -> Firm {
    let matters: Vec<MatterId> = (0..100).map(|_| MatterId::random()).collect();
    let participation =
        || Participation { participant_type: "client".to_owned(), can_download: true, areas: Areas::ALL };
    let standing = Standing {
        role: Role::Participant,
        matters: matters.iter().map(|matter| (*matter, participation())).collect::<HashMap<_, _>>(),
        read_only: false,
    };
    let area = NodeId::random();
    let rights = Rights::of(&[Verb::List, Verb::Read]);
    let row = |kind: &str| Row { participant_type: kind.to_owned(), rights };
    let folders: HashMap<_, _> = (0..50)
        .map(|number| {
            let rule = FolderRule::Rows(["device", "expert", "client"].map(row).into());
            (
                NodeId::random(),
                RuledFolder {
                    rule,
                    above: vec![area],
                    label: format!("Documents/Folder {number}"),
                    area: Area::Documents,
                },
            )
        })
        .collect();
    let ruled = *folders.keys().next().expect("there are folders");
    // Four folders that users made lie below the one with rows.
    let chain = [area, ruled].into_iter().chain((0..4).map(|_| NodeId::random())).collect();
    let place =
        Place { matter: Some(matters[0]), chain, structure: 2, own: false, transient: false, path: DocPath::root() };
    Firm { standing, rules: MatterRules { folders, ..MatterRules::default() }, place }
}

#[divan::bench]
fn policy_decision(bencher: Bencher) {
    let Firm { standing, rules, place } = firm();
    bencher.bench(|| {
        let rights = granted(black_box(&standing), black_box(&rules), black_box(&place)).rights;
        let decision = decide(Operation::Read { object: Object::default(), rights });
        assert_eq!(decision, Decision::Allowed);
    });
}

/// The shipped sample, asked by a client of whom no guard wants anything: every one that concerns the verb is evaluated.
#[divan::bench(args = [Verb::List, Verb::Read, Verb::Create])]
fn guards_decision(bencher: Bencher, verb: Verb) {
    let guards = Guards::parse(include_str!("../policies/guards.cedar")).expect("sound");
    let asker = Asker {
        address: Some([198, 51, 100, 7].into()),
        front: Front::Sftp,
        auth: AuthMethod::PublicKey,
        second_factor: false,
        role: Role::Participant,
    };
    let question = Question {
        verb,
        asker,
        participant_type: "client",
        when: LocalTime { date: 20_261_124, minute_of_day: 10 * 60, weekday: 1 },
        matter: "2026-0001",
        matter_type: "General",
        folder: "Documents/From us/Contracts",
        is_folder: verb == Verb::List,
        name: (verb != Verb::List).then_some("Draft contract (seller's comments).docx"),
        size: 123_456,
    };
    bencher.bench(|| assert_eq!(guards.decide(black_box(&question)), None));
}

#[divan::bench]
fn policy_may_enter(bencher: Bencher) {
    let Firm { standing, rules, mut place } = firm();
    place.chain.truncate(1);
    place.structure = 1;
    bencher.bench(|| assert!(may_enter(black_box(&standing), black_box(&rules), black_box(&place))));
}

/// A matter's key beside the same as the age crate's, whose arithmetic is portable.
fn recipients() -> (MatterKey, age::x25519::Identity, FileKey) {
    let ours = MatterKey::generate();
    let crates = ours.to_text().parse().expect("an identity");
    (ours, crates, FileKey::init_with_mut(|key| key.fill(7)))
}

#[divan::bench(args = ["ours", "age"])]
fn stanza_wrap(bencher: Bencher, whose: &str) {
    let (ours, crates, key) = recipients();
    let crates = crates.to_public();
    let recipient: &dyn age::Recipient = if whose == "ours" { &ours } else { &crates };
    bencher.bench_local(|| recipient.wrap_file_key(black_box(&key)).expect("wrapped"));
}

#[divan::bench(args = ["ours", "age"])]
fn stanza_unwrap(bencher: Bencher, whose: &str) {
    let (ours, crates, key) = recipients();
    let (stanzas, _) = ours.wrap_file_key(&key).expect("wrapped");
    let identity: &dyn age::Identity = if whose == "ours" { &ours } else { &crates };
    bencher.bench_local(|| identity.unwrap_stanza(black_box(&stanzas[0])).expect("for it").expect("opened"));
}
