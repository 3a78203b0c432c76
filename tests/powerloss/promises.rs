//! What an image may and may not hold, tried on a few steps with many seeds.

use std::collections::BTreeSet;

use crate::disk::Disk;
use crate::image::{Model, Plan, Replay};
use crate::recording::{Inode, Kind, ROOT};
use crate::trial::HONEST;

const MODELS: [Model; 3] = [Model::Strict, Model::Journalled, Model::Prefix];

/// What stands under a name in the root, over many images cut at the end: nothing, or a file's content.
fn outcomes(mut disk: Disk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    let cut = disk.position();
    let recording = disk.take_recording();
    let mut replay = Replay::new(&recording, HONEST);
    replay.advance(cut);
    let plans = (0..500).flat_map(|seed| MODELS.map(|model| Plan { seed, cut, model }));
    let content = |plan| {
        let image = replay.image(plan);
        let inode: Option<Inode> = image.directory(ROOT).and_then(|(_, entries)| entries.get(name).copied());
        inode.and_then(|inode| image.file(inode)).map(|(_, content)| content.to_vec())
    };
    plans.map(content).collect()
}

fn sync(disk: &mut Disk, inode: Inode) {
    disk.synced(inode, disk.position());
}

fn file(disk: &mut Disk, name: &str, content: &[u8]) -> Inode {
    let inode = disk.make(ROOT, name, Kind::File, 0o600).expect("a new name");
    disk.write(inode, 0, content).expect("written");
    inode
}

#[test]
fn what_was_synced_with_its_name_is_always_there() {
    let mut disk = Disk::new();
    let inode = file(&mut disk, "a", &[1; 5000]);
    sync(&mut disk, inode);
    sync(&mut disk, ROOT);
    assert_eq!(outcomes(disk, "a"), BTreeSet::from([Some(vec![1; 5000])]));
}

#[test]
fn a_synced_file_may_be_lost_with_its_name() {
    let mut disk = Disk::new();
    let inode = file(&mut disk, "a", b"1");
    sync(&mut disk, inode);
    assert_eq!(outcomes(disk, "a"), BTreeSet::from([None, Some(b"1".to_vec())]));
}

#[test]
fn what_was_not_synced_is_whole_or_torn_or_zeros_or_not_there() {
    let mut disk = Disk::new();
    file(&mut disk, "a", &[1; 1024]);
    sync(&mut disk, ROOT);
    let outcomes = outcomes(disk, "a");
    let torn = [vec![1; 512], vec![0; 512]].concat();
    for possible in [vec![], vec![0; 1024], vec![1; 1024], torn] {
        assert!(outcomes.contains(&Some(possible.clone())), "never {} bytes", possible.len());
    }
    assert!(!outcomes.contains(&None));
}

#[test]
fn a_name_that_is_replaced_is_the_old_or_the_new_and_never_none() {
    let mut disk = Disk::new();
    for (name, content) in [("a", b"1"), ("b", b"2")] {
        let inode = file(&mut disk, name, content);
        sync(&mut disk, inode);
    }
    sync(&mut disk, ROOT);
    disk.rename((ROOT, "b"), (ROOT, "a"), true).expect("renamed");
    assert_eq!(outcomes(disk, "a"), BTreeSet::from([Some(b"1".to_vec()), Some(b"2".to_vec())]));
}

#[test]
fn what_is_written_while_a_sync_runs_is_not_covered_by_it() {
    let mut disk = Disk::new();
    let inode = file(&mut disk, "a", b"1");
    let since = disk.position();
    disk.write(inode, 0, b"2").expect("written");
    disk.synced(inode, since);
    sync(&mut disk, ROOT);
    assert_eq!(outcomes(disk, "a"), BTreeSet::from([Some(b"1".to_vec()), Some(b"2".to_vec())]));
}

#[test]
fn a_removed_name_may_come_back_until_its_directory_is_synced() {
    for synced in [false, true] {
        let mut disk = Disk::new();
        let inode = file(&mut disk, "a", b"1");
        sync(&mut disk, inode);
        sync(&mut disk, ROOT);
        disk.unname(ROOT, "a").expect("removed");
        if synced {
            sync(&mut disk, ROOT);
        }
        assert_eq!(outcomes(disk, "a").contains(&Some(b"1".to_vec())), !synced);
    }
}
