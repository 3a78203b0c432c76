//! One recorded run: a firm on a recording disk, clients at work, the daemon killed among them and started again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use tempfile::TempDir;

use crate::blobs::blob_id;
use crate::demo::{Demo, MATTER_ONE, deedbox, ok, signal};
use crate::disk::Disk;
use crate::filesystem::Mounted;
use crate::image::Image;
use crate::load::{Door, Worker};
use crate::random::Random;
use crate::recording::{Position, Recording};
use crate::story::{Content, Story};

/// The firm's directory on the disk. It is not the disk's root, so that it can be lost itself.
pub(crate) const FIRM: &str = "firm";
/// Clients at the same time.
const DOORS: [Door; 4] = [Door::Sftp, Door::Dav, Door::Sftp, Door::Dav];

/// A document's version in `deedbox document list`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) version: u64,
    pub(crate) current: bool,
    #[serde(flatten)]
    pub(crate) content: Content,
    /// The id of its blob.
    #[serde(deserialize_with = "id_of_file")]
    pub(crate) blob: String,
}

/// The list names the file, which lies elsewhere in each image.
fn id_of_file<'de, D: Deserializer<'de>>(file: D) -> Result<String, D::Error> {
    String::deserialize(file).map(|file| blob_id(&file))
}

/// What is needed to judge any image of the recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) engine: String,
    /// From here on the firm stands.
    pub(crate) start: Position,
    /// The documents that stood there then, which nobody touches.
    pub(crate) before: Vec<Listed>,
    /// The blobs of the matter in which nobody works.
    pub(crate) elsewhere: Vec<String>,
    pub(crate) stories: Vec<Story>,
}

pub(crate) struct Run {
    pub(crate) recording: Recording,
    pub(crate) account: Account,
}

impl Run {
    /// Records one: clients work for `time`, are interrupted by `kill -9` of the daemon, and work once more.
    pub(crate) fn record(engine: &str, seed: u64, time: Duration) -> Self {
        let home = scratch();
        let (disk, data) = mount(home.path(), Disk::new());
        let mut demo = Demo::start_in(&data);
        if engine == "sled" {
            demo.stop();
            ok(deedbox(&["catalog", "convert", "--to", "sled", "--data", &data.to_string_lossy()]));
            demo = Demo::start_in(&data);
        }
        let before = listed(&demo, "2026-0001");
        let elsewhere = listed(&demo, "2026-0002").into_iter().map(|one| one.blob).collect();
        let start = disk.position();
        let mut random = Random::new(seed);
        let mut stories = Vec::new();
        for round in 0..2 {
            let (over, killed) = (AtomicBool::new(false), AtomicBool::new(false));
            thread::scope(|scope| {
                let workers: Vec<_> = (DOORS.iter().enumerate())
                    .map(|(number, door)| {
                        let source = home.path().join(format!("source-{number}"));
                        let random = Random::new(random.next());
                        let worker = Worker { door: *door, demo: &demo, disk: &disk, source, random };
                        let folder = format!("/{MATTER_ONE}/Documents/Shared room/{round}-{number}");
                        let (over, killed) = (&over, &killed);
                        scope.spawn(move || worker.run(folder, over, killed))
                    })
                    .collect();
                thread::sleep(time);
                if round == 0 {
                    killed.store(true, Ordering::Relaxed);
                    signal(demo.pid(), "KILL");
                }
                over.store(true, Ordering::Relaxed);
                stories.extend(workers.into_iter().map(|worker| worker.join().expect("a client's story")));
            });
            if round == 0 {
                demo.kill();
                demo = Demo::start_in(&data);
            }
        }
        demo.stop();
        let recording = disk.finish().expect("unmounted");
        Self { recording, account: Account { engine: engine.to_owned(), start, before, elsewhere, stories } }
    }

    /// Records how the program recovers from an image that was cut at `cut`: the power may go then, too.
    pub(crate) fn recover(image: &Image<'_>, account: &Account, cut: Position) -> Self {
        let home = scratch();
        let (disk, data) = mount(home.path(), Disk::holding(image));
        let start = disk.position();
        ok(deedbox(&["document", "list", "--matter", "2026-0001", "--data", &data.to_string_lossy()]));
        let recording = disk.finish().expect("unmounted");
        let stories = account.stories.iter().map(|story| story.until(cut)).collect();
        Self { recording, account: Account { start, stories, ..account.clone() } }
    }

    /// Writes it down, so that its images can be made again.
    pub(crate) fn save(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)?;
        self.recording.save(dir)?;
        std::fs::write(dir.join("account.json"), serde_json::to_vec(&self.account)?)
    }

    pub(crate) fn load(dir: &Path) -> io::Result<Self> {
        let account = serde_json::from_slice(&std::fs::read(dir.join("account.json"))?)?;
        Ok(Self { recording: Recording::load(dir)?, account })
    }
}

/// Mounts a disk in `home`; gives the firm's directory on it.
fn mount(home: &Path, disk: Disk) -> (Mounted, PathBuf) {
    let mountpoint = home.join("disk");
    std::fs::create_dir(&mountpoint).expect("the mount point");
    let disk = Mounted::at(&mountpoint, disk).expect("FUSE mounts (as root, or with fusermount3)");
    (disk, mountpoint.join(FIRM))
}

/// A directory in memory where there is one: an image lives for a moment.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("deedbox-powerloss-").tempdir_in(place).expect("a temporary directory")
}

fn listed(demo: &Demo, matter: &str) -> Vec<Listed> {
    let list = demo.deedbox_json(&["document", "list", "--matter", matter]);
    serde_json::from_value(list).expect("a list of versions")
}
