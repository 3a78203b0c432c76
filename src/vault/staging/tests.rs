//! Uploads against a plain vector, and what they leave on disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use proptest::prelude::*;
use tempfile::TempDir;

use super::part::MAX_SEGMENTS;
use super::*;
use crate::small_disk::SmallDisk;
use crate::vault::blobs::{BlobRef, CHUNK};

struct Rig {
    dir: TempDir,
    blobs: Arc<BlobStore>,
    staging: Staging,
    key: Arc<MatterKey>,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let blobs = Arc::new(BlobStore::open(&dir.path().join("blobs")).expect("a store"));
        let staging = Staging::open(&dir.path().join("staging"), Arc::clone(&blobs)).expect("staging");
        Self { dir, blobs, staging, key: Arc::new(MatterKey::generate()) }
    }

    fn begin(&self, base: Base) -> Upload {
        self.staging.begin(Arc::clone(&self.key), base).expect("an upload")
    }

    fn content(&self, blob: &BlobRef) -> Vec<u8> {
        self.blobs.verify(blob, &self.key).expect("sound");
        let reader = self.blobs.read(blob, &self.key).expect("opens");
        let mut data = vec![0; usize::try_from(reader.size()).expect("small")];
        assert_eq!(reader.read_at(0, &mut data).expect("read"), data.len());
        data
    }

    fn version(&self, data: &[u8]) -> BlobRef {
        let mut upload = self.begin(Base::Empty);
        upload.write_at(0, data).expect("written");
        upload.seal().and_then(Sealed::place).expect("sealed")
    }

    fn files(&self) -> Vec<PathBuf> {
        files(self.dir.path())
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn pattern(size: usize, seed: u8) -> Vec<u8> {
    (0..size).map(|n| ((n * 31 + n / 251) as u8).wrapping_add(seed)).collect()
}

#[test]
fn an_upload_in_order_is_one_blob_and_nothing_else() {
    let rig = Rig::new();
    let data = pattern(3_000_000, 1);
    let mut upload = rig.begin(Base::Empty);
    for (number, piece) in data.chunks(32_768).enumerate() {
        upload.write_at((number * 32_768) as u64, piece).expect("written");
    }
    assert!(upload.is_streaming());
    let blob = upload.seal().and_then(Sealed::place).expect("sealed");
    assert_eq!(blob.sha256, digest::digest(&digest::SHA256, &data).as_ref());
    assert!(rig.content(&blob) == data);
    assert_eq!(rig.files(), [rig.blobs.path(&blob.id)]);
}

#[test]
fn packets_that_overtake_each_other_stay_in_the_stream() {
    let rig = Rig::new();
    let data = pattern(8 << 20, 2);
    let mut upload = rig.begin(Base::Empty);
    let pieces: Vec<_> = data.chunks(32_768).enumerate().collect();
    for batch in pieces.chunks(64) {
        for (number, piece) in batch.iter().rev() {
            upload.write_at((number * 32_768) as u64, piece).expect("written");
            assert!(upload.is_streaming());
        }
    }
    let mut middle = vec![0; 100_000];
    assert_eq!(upload.read_at(1_000_000, &mut middle).expect("read"), middle.len());
    assert!(middle == data[1_000_000..1_100_000]);
    assert!(rig.content(&upload.seal().and_then(Sealed::place).expect("sealed")) == data);
}

#[test]
fn writes_all_over_a_large_document_use_an_encrypted_scratch_file() {
    let rig = Rig::new();
    let chunks = 200;
    let mut data = pattern(chunks * CHUNK + 123, 3);
    let base = rig.version(&data);
    let mut upload = rig.begin(Base::Version(base));
    for n in 0..chunks {
        let at = (n * 77 % chunks) * CHUNK + 1000;
        data[at..at + 3000].fill(n as u8);
        upload.write_at(at as u64, &data[at..at + 3000]).expect("written");
    }
    assert!(!upload.is_streaming() && upload.is_modified());
    let mut back = vec![0; data.len()];
    assert_eq!(upload.read_at(0, &mut back).expect("read"), data.len());
    assert!(back == data);
    let blob = upload.seal().and_then(Sealed::place).expect("sealed");
    assert!(rig.content(&blob) == data);
    assert_eq!(rig.files().len(), 2);
}

#[test]
fn an_unchanged_version_gives_itself_back() {
    let rig = Rig::new();
    let base = rig.version(b"as it was");
    let mut upload = rig.begin(Base::Version(base));
    upload.write_at(3, b"").expect("nothing written");
    upload.set_len(9).expect("the same length");
    assert!(!upload.is_modified());
    let part = upload.suspend().expect("suspended");
    assert_eq!(part.builds_on(), Some(base.id));
    let upload = rig.begin(Base::Part(part));
    assert!(!upload.is_modified());
    assert_eq!(upload.seal().and_then(Sealed::place).expect("sealed"), base);
}

#[test]
fn a_version_that_was_touched_is_never_given_back_as_new() {
    let rig = Rig::new();
    let base = rig.version(b"as it was");
    let mut upload = rig.begin(Base::Version(base));
    upload.set_len(20).expect("lengthened");
    upload.set_len(9).expect("cut");
    assert!(upload.is_modified());
    let blob = upload.seal().and_then(Sealed::place).expect("sealed");
    assert_ne!(blob.id, base.id);
    // Taking the new one back leaves the version.
    rig.blobs.remove(&blob.id).expect("removed");
    assert_eq!(rig.content(&base), b"as it was");
}

#[test]
fn dropping_an_upload_leaves_no_file() {
    let rig = Rig::new();
    for random in [false, true] {
        let mut upload = rig.begin(Base::Empty);
        upload.write_at(0, &pattern(6 << 20, 4)).expect("written");
        if random {
            for n in 0..90 {
                upload.write_at(n * CHUNK as u64, b"edit").expect("written");
            }
        }
        assert_eq!(upload.is_streaming(), !random);
        drop(upload);
        assert!(rig.files().is_empty(), "{:?}", rig.files());
    }
}

#[test]
fn a_part_survives_its_upload_and_is_discarded_when_recorded_no_more() {
    let rig = Rig::new();
    let data = pattern(300_000, 5);
    let mut upload = rig.begin(Base::Empty);
    upload.write_at(0, &data[..100_000]).expect("written");
    let first = upload.sync().expect("durable");
    upload.write_at(100_000, &data[100_000..200_000]).expect("written");
    let second = upload.sync().expect("durable");
    upload.write_at(200_000, &data[200_000..]).expect("written");
    drop(upload);
    rig.staging.discard(&first, Some(&second)).expect("discarded");
    rig.staging.sweep(&|id| second.staged().any(|kept| kept == *id)).expect("swept");
    assert_eq!(second.len(), 200_000);
    let mut upload = rig.begin(Base::Part(second.clone()));
    upload.write_at(200_000, &data[200_000..]).expect("written");
    let blob = upload.seal().and_then(Sealed::place).expect("sealed");
    rig.staging.discard(&second, None).expect("discarded");
    assert!(rig.content(&blob) == data);
    assert_eq!(rig.files(), [rig.blobs.path(&blob.id)]);
}

#[test]
fn a_file_that_was_synced_and_closed_is_not_copied() {
    let rig = Rig::new();
    let data = pattern(200_000, 6);
    let mut upload = rig.begin(Base::Empty);
    upload.write_at(0, &data).expect("written");
    let part = upload.sync().expect("durable");
    let blob = upload.seal().and_then(Sealed::place).expect("sealed");
    let staged = part.staged().next().expect("one segment");
    let inode = |path| fs::metadata(path).expect("there").ino();
    assert_eq!(inode(rig.staging.parts.path(&staged)), inode(rig.blobs.path(&blob.id)));
    // Whoever takes the unrecorded blob back does not take the part.
    assert_ne!(staged, blob.id);
    rig.staging.discard(&part, None).expect("discarded");
    assert!(rig.content(&blob) == data);
    assert_eq!(rig.files(), [rig.blobs.path(&blob.id)]);
}

#[test]
fn a_dropped_connection_keeps_what_came_in_order() {
    let rig = Rig::new();
    let mut upload = rig.begin(Base::Empty);
    upload.set_len(1 << 30).expect("announced");
    upload.write_at(0, b"in order").expect("written");
    upload.write_at(500, b"ahead of a gap").expect("written");
    let part = upload.suspend().expect("suspended");
    assert_eq!(part.len(), 8);
    assert_eq!(rig.content(&rig.begin(Base::Part(part)).seal().and_then(Sealed::place).expect("sealed")), b"in order");
}

#[test]
fn many_interruptions_keep_the_record_small_and_the_content_whole() {
    let rig = Rig::new();
    let data = pattern(40 * 10_000, 7);
    let mut base = Base::Empty;
    for (number, piece) in data.chunks(10_000).enumerate() {
        let mut upload = rig.begin(base.clone());
        upload.write_at((number * 10_000) as u64, piece).expect("written");
        let part = upload.suspend().expect("suspended");
        if let Base::Part(before) = &base {
            rig.staging.discard(before, Some(&part)).expect("discarded");
        }
        assert!(rmp_serde::to_vec_named(&part).expect("encodes").len() < 4096);
        assert!(serde_json::to_vec(&part).expect("encodes").len() < 4096);
        assert!(part.staged().count() <= MAX_SEGMENTS);
        assert_eq!(rig.files().len(), part.staged().count());
        base = Base::Part(part);
    }
    assert!(rig.content(&rig.begin(base).seal().and_then(Sealed::place).expect("sealed")) == data);
}

#[test]
fn a_document_cannot_become_longer_than_allowed() {
    let rig = Rig::new();
    let staging = rig.staging.clone().with_max_len(1000);
    let mut upload = staging.begin(Arc::clone(&rig.key), Base::Empty).expect("an upload");
    upload.write_at(990, b"0123456789").expect("just fits");
    for refused in [upload.write_at(991, b"0123456789"), upload.write_at(u64::MAX, b"0123456789"), upload.set_len(1001)]
    {
        assert!(matches!(refused, Err(Error::TooLong { max: 1000 })));
    }
    assert_eq!(upload.len(), 1000);
    assert_eq!(rig.content(&upload.seal().and_then(Sealed::place).expect("still sound")).len(), 1000);
}

#[test]
fn a_hole_of_a_terabyte_takes_no_space_and_fails_at_once_when_sealed() {
    let rig = Rig::new();
    let mut upload = rig.begin(Base::Empty);
    upload.set_len(DEFAULT_MAX_LEN).expect("lengthened");
    upload.write_at(DEFAULT_MAX_LEN - 5, b"12345").expect("written");
    let mut end = [1; 10];
    assert_eq!(upload.read_at(DEFAULT_MAX_LEN - 10, &mut end).expect("read"), 10);
    assert_eq!(&end, b"\0\0\0\0\x0012345");
    let part = upload.sync().expect("durable");
    assert_eq!(part.len(), DEFAULT_MAX_LEN);
    let used: u64 = rig.files().iter().map(|file| fs::metadata(file).expect("there").len()).sum();
    assert!(used < 1 << 20, "{used}");
    if rig.blobs.free_space().expect("statvfs") < DEFAULT_MAX_LEN {
        assert!(matches!(upload.seal(), Err(Error::NoSpace)));
    }
}

#[test]
fn nothing_on_disk_shows_what_was_written() {
    let rig = Rig::new();
    let secret = b"PRIVILEGED AND CONFIDENTIAL ";
    let data: Vec<u8> = secret.iter().copied().cycle().take(12 << 20).collect();
    let look = || {
        for file in rig.files() {
            let bytes = fs::read(&file).expect("readable");
            assert!(!bytes.windows(12).any(|window| window == &secret[..12]), "{}", file.display());
        }
    };
    let mut upload = rig.begin(Base::Empty);
    for (number, piece) in data.chunks(100_000).enumerate() {
        upload.write_at((number * 100_000) as u64, piece).expect("written");
    }
    look();
    for at in (0..data.len() as u64 - 100).step_by(CHUNK) {
        upload.write_at(at, secret).expect("written");
    }
    assert!(!upload.is_streaming());
    // The scratch file has no name, but the process still shows it.
    let scratch = fs::read_dir("/proc/self/fd").expect("the descriptors").filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = fs::read_link(&path).ok()?;
        let ours = target.starts_with(rig.dir.path()) && target.to_string_lossy().ends_with("(deleted)");
        ours.then(|| fs::read(path).ok())?
    });
    let scratch: Vec<_> = scratch.filter(|bytes| !bytes.is_empty()).collect();
    assert_eq!(scratch.len(), 1, "one scratch file");
    assert!(!scratch[0].windows(12).any(|window| window == &secret[..12]));
    upload.sync().expect("durable");
    look();
    let part = upload.suspend().expect("suspended");
    look();
    rig.begin(Base::Part(part)).seal().and_then(Sealed::place).expect("sealed");
    look();
}

#[test]
fn an_upload_may_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Upload>();
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Staging>();
    is_shared::<crate::vault::blobs::BlobReader>();
}

#[test]
fn a_full_disk_is_told_apart_and_leaves_nothing_half() {
    let test = "vault::staging::tests::a_full_disk_is_told_apart_and_leaves_nothing_half";
    let Some(disk) = SmallDisk::mount(test, 24 << 20) else { return };
    let blobs = Arc::new(BlobStore::open(&disk.path().join("blobs")).expect("a store"));
    let staging = Staging::open(&disk.path().join("staging"), Arc::clone(&blobs)).expect("staging");
    let key = Arc::new(MatterKey::generate());
    let mut upload = staging.begin(Arc::clone(&key), Base::Empty).expect("an upload");
    upload.write_at(0, &pattern(10 << 20, 8)).expect("fits");
    let kept = upload.seal().and_then(Sealed::place).expect("sealed");
    for base in [Base::Empty, Base::Version(kept)] {
        let mut upload = staging.begin(Arc::clone(&key), base).expect("an upload");
        let failed = (0..400).find_map(|n| upload.write_at(n * CHUNK as u64, &pattern(CHUNK, 9)).err());
        match failed {
            Some(error) => {
                assert!(matches!(error, Error::NoSpace), "{error}");
                assert!(matches!(upload.write_at(0, b"more"), Err(Error::Broken)));
                assert!(matches!(upload.seal(), Err(Error::Broken)));
            }
            None => assert!(matches!(upload.seal(), Err(Error::NoSpace))),
        }
        assert_eq!(files(disk.path()), [blobs.path(&kept.id)]);
    }
    blobs.verify(&kept, &key).expect("reads go on");
    let mut upload = staging.begin(key, Base::Empty).expect("an upload");
    upload.write_at(0, b"small").expect("fits again");
    upload.seal().and_then(Sealed::place).expect("recovers without a restart");
}

#[derive(Debug, Clone)]
enum Step {
    Write(u64, usize, u8),
    Append(usize, u8),
    Ahead(u64, usize, u8),
    SetLen(u64),
    Read(u64, usize),
    Sync,
    Suspend,
    Crash,
    Seal,
}

fn steps() -> impl Strategy<Value = Step> {
    let at = || prop_oneof![0u64..400_000, (0u64..7).prop_map(|n| n * CHUNK as u64), 65_500u64..65_600];
    let size = || prop_oneof![0usize..300, 32_000usize..33_000, 60_000usize..140_000];
    prop_oneof![
        4 => (at(), size(), any::<u8>()).prop_map(|(at, size, value)| Step::Write(at, size, value)),
        8 => (size(), any::<u8>()).prop_map(|(size, value)| Step::Append(size, value)),
        3 => (0u64..100_000, size(), any::<u8>()).prop_map(|(gap, size, value)| Step::Ahead(gap, size, value)),
        2 => at().prop_map(Step::SetLen),
        4 => (at(), size()).prop_map(|(at, size)| Step::Read(at, size)),
        1 => Just(Step::Sync),
        1 => Just(Step::Suspend),
        1 => Just(Step::Crash),
        1 => Just(Step::Seal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn an_upload_behaves_as_a_vector_in_memory(steps in proptest::collection::vec(steps(), 1..40)) {
        let rig = Rig::new();
        let mut model: Vec<u8> = Vec::new();
        let mut upload = rig.begin(Base::Empty);
        // What the catalog would have recorded: the part, the version, and what they hold.
        let mut part: Option<(Part, Vec<u8>)> = None;
        let mut version: Option<(BlobRef, Vec<u8>)> = None;
        for step in steps {
            match step {
                Step::Write(..) | Step::Append(..) | Step::Ahead(..) => {
                    let (at, size, value) = match step {
                        Step::Write(at, size, value) => (at, size, value),
                        Step::Append(size, value) => (model.len() as u64, size, value),
                        Step::Ahead(gap, size, value) => (model.len() as u64 + gap, size, value),
                        _ => unreachable!("only writes come here"),
                    };
                    let data = pattern(size, value);
                    upload.write_at(at, &data).expect("written");
                    let at = usize::try_from(at).expect("small");
                    if size > 0 && model.len() < at + size {
                        model.resize(at + size, 0);
                    }
                    if size > 0 {
                        model[at..at + size].copy_from_slice(&data);
                    }
                }
                Step::SetLen(len) => {
                    upload.set_len(len).expect("set");
                    model.resize(usize::try_from(len).expect("small"), 0);
                }
                Step::Read(at, size) => {
                    let mut buffer = vec![0xaa; size];
                    let read = upload.read_at(at, &mut buffer).expect("read");
                    let at = usize::try_from(at).expect("small");
                    let expected = model.get(at..).map_or(&[][..], |rest| &rest[..rest.len().min(size)]);
                    prop_assert!(buffer[..read] == *expected);
                }
                Step::Sync => {
                    let next = upload.sync().expect("durable");
                    prop_assert_eq!(next.len(), model.len() as u64);
                    if let Some((before, _)) = part.replace((next.clone(), model.clone())) {
                        rig.staging.discard(&before, Some(&next)).expect("discarded");
                    }
                }
                Step::Suspend => {
                    let streaming = upload.is_streaming();
                    let next = upload.suspend().expect("suspended");
                    let len = usize::try_from(next.len()).expect("small");
                    prop_assert!(len == model.len() || (streaming && len < model.len()));
                    model.truncate(len);
                    if let Some((before, _)) = part.replace((next.clone(), model.clone())) {
                        rig.staging.discard(&before, Some(&next)).expect("discarded");
                    }
                    upload = rig.begin(Base::Part(next));
                }
                Step::Crash => {
                    drop(upload);
                    rig.staging.sweep(&|id| part.iter().any(|(part, _)| part.staged().any(|kept| kept == *id))).expect("swept");
                    let base = match (&part, &version) {
                        (Some((part, content)), _) => { model.clone_from(content); Base::Part(part.clone()) }
                        (None, Some((blob, content))) => { model.clone_from(content); Base::Version(*blob) }
                        (None, None) => { model.clear(); Base::Empty }
                    };
                    upload = rig.begin(base);
                }
                Step::Seal => {
                    let blob = upload.seal().and_then(Sealed::place).expect("sealed");
                    prop_assert!(rig.content(&blob) == model);
                    if let Some((part, _)) = part.take() {
                        rig.staging.discard(&part, None).expect("discarded");
                    }
                    let before = version.replace((blob, model.clone())).map(|(before, _)| before);
                    if let Some(before) = before.filter(|before| *before != blob) {
                        rig.blobs.remove(&before.id).expect("removed");
                    }
                    prop_assert_eq!(rig.files(), [rig.blobs.path(&blob.id)]);
                    upload = rig.begin(Base::Version(blob));
                }
            }
            prop_assert_eq!(upload.len(), model.len() as u64);
        }
        prop_assert!(rig.content(&upload.seal().and_then(Sealed::place).expect("sealed")) == model);
    }
}
