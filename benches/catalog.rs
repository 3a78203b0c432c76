//! The catalog as the vault uses it: sealed records above an engine, folders of a thousand documents.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use deedbox::kv::{self, EngineKind, SealKeys, SealedStore, Settings};
use deedbox::names::{AccountId, BlobId, DocName, NodeId, Timestamp};
use deedbox::vault::blobs::BlobRef;
use deedbox::vault::{Content, Entry, Version, entry_key, folder_prefix, version_key};
use divan::Bencher;
use tempfile::TempDir;

const IN_A_FOLDER: usize = 1000;
const CASES: [(EngineKind, usize); 4] =
    [(EngineKind::Redb, 1000), (EngineKind::Redb, 1_000_000), (EngineKind::Sled, 1000), (EngineKind::Sled, 1_000_000)];

/// A catalog with so many documents.
struct Filled {
    store: SealedStore,
    folders: Vec<NodeId>,
    _dir: TempDir,
}

impl Filled {
    fn make((kind, documents): (EngineKind, usize)) -> Self {
        // On disk, unlike what the system's temporary directory may be.
        let dir = TempDir::new_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory");
        let engine = kv::open(kind, dir.path(), Settings::default()).expect("a new store");
        let store = SealedStore::new(engine, &SealKeys::new([1; 32], [2; 32])).expect("a sealed store");
        let folders: Vec<_> = (0..documents / IN_A_FOLDER).map(|_| NodeId::random()).collect();
        for some in folders.chunks(10) {
            let mut change = store.change();
            for folder in some {
                for number in 0..IN_A_FOLDER {
                    put(&store, &mut change, *folder, &document(number));
                }
            }
            change.commit().expect("a commit");
        }
        Self { store, folders, _dir: dir }
    }
}

/// Made once for all benches of a case, and kept for the life of the process.
fn filled(case: (EngineKind, usize)) -> &'static Filled {
    static MADE: LazyLock<Mutex<HashMap<(&str, usize), &'static Filled>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().expect("nobody panicked");
    made.entry((case.0.name(), case.1)).or_insert_with(|| Box::leak(Box::new(Filled::make(case))))
}

fn document(number: usize) -> DocName {
    DocName::parse(format!("Letter to the other side {number:06}.pdf").as_bytes()).expect("a name")
}

/// What an upload of a new document commits.
fn put(store: &SealedStore, change: &mut kv::Change<'_>, folder: NodeId, name: &DocName) {
    let (node, by, now) = (NodeId::random(), AccountId::from_bytes([3; 16]), Timestamp::now());
    let blob = BlobRef { id: BlobId::random(), size: 40_000, sha256: [4; 32], commitment: [5; 32] };
    let key = entry_key(store, folder, name);
    let entry = Entry {
        name: name.clone(),
        node,
        created: now,
        modified: now,
        made_by: by,
        claims: Vec::new(),
        properties: 0,
        content: Some(Content { version: 1, blob }),
        transient: false,
        own_name: false,
        made: None,
        in_intake: false,
    };
    change.if_absent(&key).put(&key, &entry);
    change.put(&version_key(node, 1), &Version { blob, at: now, by });
}

/// Durable, by one writer: the time of a sync is most of it.
#[divan::bench(args = CASES, sample_count = 200, sample_size = 1)]
fn catalog_commit(bencher: Bencher, case: (EngineKind, usize)) {
    let Filled { store, folders, .. } = filled(case);
    let mut number = IN_A_FOLDER;
    bencher.bench_local(|| {
        number += 1;
        let mut change = store.change();
        put(
            store,
            &mut change,
            folders[number * 7919 % folders.len()],
            &document(number + std::process::id() as usize),
        );
        change.commit().expect("a commit")
    });
}

#[divan::bench(args = CASES, sample_count = 500, sample_size = 1)]
fn catalog_list_1000(bencher: Bencher, case: (EngineKind, usize)) {
    let Filled { store, folders, .. } = filled(case);
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        let (mut listed, folder) = (0, folders[turn * 7919 % folders.len()]);
        let count = |_: &[u8], _: Entry| {
            listed += 1;
            ControlFlow::Continue(())
        };
        store.scan(&folder_prefix(folder), None, count).expect("a listing");
        assert!(listed >= IN_A_FOLDER);
    });
}

#[divan::bench(args = CASES, sample_count = 1000, sample_size = 10)]
fn catalog_find(bencher: Bencher, case: (EngineKind, usize)) {
    let Filled { store, folders, .. } = filled(case);
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        let key = entry_key(store, folders[turn * 7919 % folders.len()], &document(turn * 31 % IN_A_FOLDER));
        assert!(store.get::<Entry>(&key).expect("a read").is_some());
    });
}
