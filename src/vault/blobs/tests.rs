//! Blobs through the store, with stock `age`, and under attack.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tempfile::TempDir;

use super::reader::open_any;
use super::*;
use crate::keys::MatterKey;

const SIZES: [usize; 8] = [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, 10 << 20];

fn store() -> (TempDir, BlobStore, MatterKey) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = BlobStore::open(&dir.path().join("blobs")).expect("a store");
    (dir, store, MatterKey::generate())
}

/// Bytes without a pattern that a misplaced chunk could repeat.
fn content(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ size as u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 8).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn put(store: &BlobStore, matter: &MatterKey, data: &[u8], piece: usize) -> BlobRef {
    let mut writer = store.create(matter).expect("a writer");
    for part in data.chunks(piece.max(1)) {
        writer.write(part).expect("written");
    }
    writer.finish().expect("finished")
}

fn get(store: &BlobStore, blob: &BlobRef, matter: &MatterKey) -> Result<Vec<u8>, BlobError> {
    let reader = store.read(blob, matter)?;
    let mut data = vec![0; usize::try_from(reader.size()).expect("small")];
    assert_eq!(reader.read_at(0, &mut data)?, data.len());
    Ok(data)
}

/// Everything under a directory that is a file.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn what_is_written_is_read_at_every_size_and_in_every_piece() {
    let (_dir, store, matter) = store();
    for size in SIZES {
        let data = content(size);
        for piece in [32_768, 65_536, 100_000, 1 << 20] {
            let blob = put(&store, &matter, &data, piece);
            assert_eq!(blob.size, size as u64);
            assert_eq!(store.len(&blob.id).expect("stat"), Some(blob.file_len()));
            assert!(get(&store, &blob, &matter).expect("read") == data, "{size} bytes in pieces of {piece}");
            store.verify(&blob, &matter).expect("sound");
            let reader = store.read(&blob, &matter).expect("opens");
            let mut buffer = vec![0; piece];
            for (number, expected) in data.chunks(piece).enumerate() {
                let read = reader.read_at((number * piece) as u64, &mut buffer).expect("read");
                assert!(buffer[..read] == *expected, "{size} bytes, piece {number} of {piece}");
            }
            assert_eq!(reader.read_at(size as u64, &mut buffer).expect("read"), 0);
            assert_eq!(reader.read_at(u64::MAX, &mut buffer).expect("read"), 0);
        }
    }
}

#[test]
fn stock_age_opens_our_blobs() {
    let (dir, store, matter) = store();
    let key = dir.path().join("matter.key");
    fs::write(&key, matter.to_text().as_bytes()).expect("written");
    for size in SIZES {
        let data = content(size);
        let blob = put(&store, &matter, &data, 32_768);
        let output = Command::new("age")
            .args(["-d", "-i"])
            .arg(&key)
            .arg(store.path(&blob.id))
            .output()
            .expect("age is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == data, "{size} bytes");
    }
}

#[test]
fn we_open_what_stock_age_wrote() {
    let (dir, _store, matter) = store();
    let (plain, sealed) = (dir.path().join("plain"), dir.path().join("sealed"));
    for size in SIZES {
        let data = content(size);
        fs::write(&plain, &data).expect("written");
        let status = Command::new("age")
            .args(["-r", &matter.recipient().to_string(), "-o"])
            .args([&sealed, &plain])
            .stderr(Stdio::null())
            .status()
            .expect("age is installed");
        assert!(status.success());
        let file = fs::File::open(&sealed).expect("written");
        let (reader, _) = open_any(file, sealed.clone(), BlobId::random(), &matter).expect("opens");
        assert_eq!(reader.size(), size as u64);
        let mut read = vec![0; size];
        assert_eq!(reader.read_at(0, &mut read).expect("read"), size);
        assert!(read == data, "{size} bytes");
    }
}

#[test]
fn the_unsealed_end_can_be_rewritten_cut_and_read_back() {
    let (_dir, store, matter) = store();
    let mut data = content(3 * CHUNK + 1000);
    let mut writer = store.create(&matter).expect("a writer");
    writer.write(&data).expect("written");
    assert_eq!(writer.sealed_len(), 3 * CHUNK as u64);
    let at = 3 * CHUNK + 500;
    data.truncate(at);
    assert!(writer.truncate(at as u64));
    data.extend(content(2 * CHUNK));
    data[at - 100..at].fill(7);
    writer.write_at(at as u64 - 100, &data[at - 100..]).expect("written");
    let mut back = vec![0; data.len() + 10];
    assert_eq!(writer.read_at(0, &mut back).expect("read"), data.len());
    assert!(back[..data.len()] == data);
    // A file of full chunks must not end with an empty one.
    assert!(!writer.truncate(writer.sealed_len()));
    let blob = writer.finish().expect("finished");
    assert!(get(&store, &blob, &matter).expect("read") == data);
}

#[test]
fn zeros_are_written_without_being_held() {
    let (_dir, store, matter) = store();
    let mut writer = store.create(&matter).expect("a writer");
    writer.write(b"start").expect("written");
    writer.write_zeros(3 << 20).expect("written");
    let blob = writer.finish().expect("finished");
    let mut expected = b"start".to_vec();
    expected.resize(5 + (3 << 20), 0);
    assert!(get(&store, &blob, &matter).expect("read") == expected);
    store.verify(&blob, &matter).expect("sound");
}

#[test]
fn a_dropped_writer_leaves_no_file_and_a_crash_is_swept() {
    let (dir, store, matter) = store();
    let mut writer = store.create(&matter).expect("a writer");
    writer.write(&content(500_000)).expect("written");
    assert_eq!(files(dir.path()).len(), 1);
    drop(writer);
    assert!(files(dir.path()).is_empty());
    fs::write(dir.path().join("blobs/tmp/leftover"), b"half").expect("written");
    assert_eq!(store.sweep().expect("swept"), 1);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn the_store_lists_finds_and_removes_its_blobs() {
    let (dir, store, matter) = store();
    let mut ids: Vec<_> = (0..20).map(|n| put(&store, &matter, &content(n), 10).id).collect();
    ids.sort_unstable();
    fs::write(dir.path().join("blobs/README"), b"no blob").expect("written");
    let again = BlobStore::open(&dir.path().join("blobs")).expect("opens again");
    let listed: Vec<_> = again.ids().collect::<Result<_, _>>().expect("listed");
    assert_eq!(listed, ids);
    store.remove(&ids[0]).expect("removed");
    store.remove(&ids[0]).expect("removing twice is no error");
    assert!(!store.exists(&ids[0]).expect("stat") && store.exists(&ids[1]).expect("stat"));
}

#[test]
fn a_blob_that_is_gone_or_anothers_is_named() {
    let (_dir, store, matter) = store();
    let (one, two) = (put(&store, &matter, &content(70_000), 9000), put(&store, &matter, &content(70_000), 9000));
    fs::rename(store.path(&two.id), store.path(&one.id)).expect("swapped");
    assert!(matches!(store.read(&one, &matter), Err(BlobError::Damaged { id, .. }) if id == one.id));
    assert!(matches!(store.read(&two, &matter), Err(BlobError::Missing(id)) if id == two.id));
}

#[test]
fn a_blob_forged_with_the_public_key_alone_is_refused() {
    let (_dir, store, matter) = store();
    let data = content(70_000);
    let (blob, forged) = (put(&store, &matter, &data, 9000), put(&store, &matter, &data, 9000));
    // The same document, the same length, the same recipient: only the file key differs.
    fs::copy(store.path(&forged.id), store.path(&blob.id)).expect("copied");
    assert!(matches!(store.read(&blob, &matter), Err(BlobError::Damaged { id, .. }) if id == blob.id));
    let other = MatterKey::generate();
    assert!(matches!(store.read(&forged, &other), Err(BlobError::Damaged { id, .. }) if id == forged.id));
}

#[test]
fn chunks_cannot_change_places_and_a_wrong_digest_is_found() {
    let (_dir, store, matter) = store();
    let data = content(4 * CHUNK);
    let blob = put(&store, &matter, &data, 9000);
    let path = store.path(&blob.id);
    let mut file = fs::read(&path).expect("read");
    let at = |chunk: usize| 4112 + chunk * (CHUNK + 16);
    let first = file[at(0)..at(1)].to_vec();
    file.copy_within(at(1)..at(2), at(0));
    file[at(1)..at(2)].copy_from_slice(&first);
    fs::write(&path, &file).expect("written");
    let reader = store.read(&blob, &matter).expect("its ends are sound");
    let mut buffer = vec![0xaa; 3 * CHUNK];
    assert!(matches!(reader.read_at(0, &mut buffer), Err(BlobError::Damaged { id, .. }) if id == blob.id));
    // A bad chunk does not take the good ones with it.
    assert_eq!(reader.read_at(2 * CHUNK as u64, &mut buffer).expect("sound"), 2 * CHUNK);
    assert!(buffer[..2 * CHUNK] == data[2 * CHUNK..]);

    let mut other = put(&store, &matter, &data, 9000);
    other.sha256[0] ^= 1;
    assert!(matches!(store.verify(&other, &matter), Err(BlobError::Damaged { .. })));
}

#[derive(Debug, Clone)]
enum Attack {
    Flip(u64),
    Truncate(u64),
    Append(usize),
    CutChunk,
}

fn attacks() -> impl Strategy<Value = Attack> {
    prop_oneof![
        4 => any::<u64>().prop_map(Attack::Flip),
        2 => any::<u64>().prop_map(Attack::Truncate),
        1 => (1usize..70_000).prop_map(Attack::Append),
        1 => Just(Attack::CutChunk),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_change_of_a_file_ever_gives_other_bytes(size in prop_oneof![0usize..300, 65_530usize..65_545, 130_000usize..200_000], attack in attacks()) {
        let (_dir, store, matter) = store();
        let data = content(size);
        let blob = put(&store, &matter, &data, 32_768);
        let path = store.path(&blob.id);
        let mut file = fs::read(&path).expect("read");
        let length = file.len() as u64;
        match attack {
            Attack::Flip(at) => file[usize::try_from(at % length).expect("small")] ^= 1 << (at % 8),
            Attack::Truncate(to) => file.truncate(usize::try_from(to % length).expect("small")),
            Attack::Append(more) => file.resize(file.len() + more, 0),
            Attack::CutChunk => file.truncate(4112 + (size.saturating_sub(1) / CHUNK) * (CHUNK + 16)),
        }
        fs::write(&path, &file).expect("written");
        match get(&store, &blob, &matter) {
            Err(BlobError::Damaged { id, .. }) => prop_assert_eq!(id, blob.id),
            other => prop_assert!(false, "{:?}", other.map(|data| data.len())),
        }
        // The same without the length that the catalog knows.
        let reader = fs::File::open(&path).map(|file| open_any(file, path.clone(), blob.id, &matter));
        if let Ok((reader, _)) = reader.expect("there") {
            let mut buffer = vec![0; data.len() + 100];
            if let Ok(read) = reader.read_at(0, &mut buffer) {
                prop_assert!(read == data.len() && buffer[..read] == data[..]);
            }
        }
    }

    #[test]
    fn any_range_reads_as_from_memory(size in 0usize..400_000, reads in proptest::collection::vec((0usize..400_000, 0usize..200_000), 1..20)) {
        let (_dir, store, matter) = store();
        let data = content(size);
        let blob = put(&store, &matter, &data, 50_000);
        let reader = store.read(&blob, &matter).expect("opens");
        for (offset, length) in reads {
            let mut buffer = vec![0; length];
            let read = reader.read_at(offset as u64, &mut buffer).expect("read");
            let expected = data.get(offset..).map_or(&[][..], |rest| &rest[..rest.len().min(length)]);
            prop_assert!(buffer[..read] == *expected);
        }
    }
}

#[test]
fn blobs_that_are_made_during_a_sweep_are_known_to_it() {
    let (_dir, store, matter) = store();
    let made = || store.create(&matter).and_then(BlobWriter::finish).expect("finished").id;
    let before = made();
    store.remember_young();
    let after = made();
    let young = store.forget_young();
    assert!(young.contains(&after) && !young.contains(&before));
    made();
    assert!(store.forget_young().is_empty(), "nobody asks any more");
}
