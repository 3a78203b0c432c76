//! A drive of sshfs beside a local directory: whatever is done to both, both hold the same afterwards.
//!
//! `DEEDBOX_SSHFS_OPERATIONS=5000 tests/run --test gateway sshfs_holds` is the long run; `DEEDBOX_TEST_SEED` chooses another
//! sequence.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, bytes, ok};
use crate::mounts::sshfs;
use crate::random::{Random, times};

const NAMES: [&str; 8] =
    ["a.bin", "b ä.bin", "c.bin", "one/a.bin", "one/d.bin", "one/two/a.bin", "one/two/e.bin", "f.bin"];
const FOLDERS: [&str; 3] = ["one", "one/two", "three"];

#[test]
fn sshfs_holds_what_a_local_directory_holds_after_random_operations() {
    let demo = Demo::shared();
    let folder = format!("{MATTER_ONE}/Documents/Shared room/random-writes");
    ok(demo.sftp(CLIENT_ONE, &format!("mkdir \"/{folder}\"")));
    let home = tempfile::tempdir().expect("a directory");
    let (local, down) = (home.path().join("local"), home.path().join("down"));
    std::fs::create_dir(&local).expect("made");
    let drive = sshfs(demo, &folder);
    let mut random = Random::seeded("sshfs_holds");
    let mut twins = Twins { roots: [local.clone(), drive.place().to_owned()], open: Vec::new(), steps: Vec::new() };
    for n in 1..=times("DEEDBOX_SSHFS_OPERATIONS", 250) {
        twins.step(&mut random);
        if n % 50 == 0 {
            twins.close_all();
            twins.same(drive.place());
        }
    }
    twins.close_all();
    drive.unmount();
    ok(demo.sftp(CLIENT_ONE, &format!("get -r \"/{folder}\" \"{}\"", down.display())));
    twins.same(&down);
}

/// Two directories to which the same is done.
struct Twins {
    roots: [PathBuf; 2],
    /// Names with the handles that are kept open on them; they are used through these handles alone, since to others an
    /// upload shows when it is closed.
    open: Vec<(&'static str, [File; 2])>,
    /// What was done so far.
    steps: Vec<String>,
}

impl Twins {
    /// Does it to both, which must say the same: whether it can be done, and what was read.
    fn both(&mut self, step: String, act: impl Fn(&Path) -> Result<Vec<u8>>) {
        self.steps.push(step);
        let said = self.roots.each_ref().map(|root| act(root));
        self.agree(&said);
    }

    fn agree(&self, said: &[Result<Vec<u8>>; 2]) {
        let agreed = match said {
            [Ok(local), Ok(drive)] => local == drive,
            [local, drive] => local.is_err() && drive.is_err(),
        };
        let tell = |said: &Result<Vec<u8>>| said.as_ref().map(Vec::len).map_err(Error::to_string);
        let told = said.each_ref().map(tell);
        assert!(agreed, "locally and on the drive: {told:?} after\n{}", self.steps.join("\n"));
    }

    fn same(&self, other: &Path) {
        let output = Command::new("diff").arg("-r").arg(&self.roots[0]).arg(other).output().expect("diff runs");
        assert!(output.status.success(), "{} after\n{}", crate::demo::both(&output), self.steps.join("\n"));
    }

    fn step(&mut self, random: &mut Random) {
        let name = *random.pick(&NAMES);
        if self.open.iter().any(|(open, _)| *open == name) {
            return self.through_a_handle(name, random);
        }
        let (offset, content) = (random.below(300_000) as u64, content(random));
        let length = content.len();
        match random.below(12) {
            0 | 1 => self.both(format!("write {name}: {length}"), |root| written(root, name, &content)),
            2 | 3 => self.both(format!("write into {name}: {length} at {offset}"), |root| {
                let file = OpenOptions::new().write(true).open(root.join(name))?;
                file.write_all_at(&content, offset)?;
                // Backwards, too.
                file.write_all_at(&content[..length / 2], offset / 3)?;
                Ok(Vec::new())
            }),
            4 => self.both(format!("append to {name}: {length}"), |root| {
                OpenOptions::new().append(true).open(root.join(name))?.write_all(&content)?;
                Ok(Vec::new())
            }),
            5 => self.both(format!("set the length of {name}: {offset}"), |root| {
                OpenOptions::new().write(true).open(root.join(name))?.set_len(offset)?;
                Ok(Vec::new())
            }),
            6 => self.both(format!("read {name}: {length} at {offset}"), |root| {
                read_up_to(&File::open(root.join(name))?, length, offset)
            }),
            7 => {
                let to = *random.pick(&NAMES);
                if !self.open.iter().any(|(open, _)| *open == to) {
                    self.both(format!("rename {name}: {to}"), |root| {
                        std::fs::rename(root.join(name), root.join(to)).map(|()| Vec::new())
                    });
                }
            }
            8 => self.both(format!("remove {name}"), |root| std::fs::remove_file(root.join(name)).map(|()| Vec::new())),
            9 => {
                let folder = *random.pick(&FOLDERS);
                self.both(format!("make {folder}"), |root| std::fs::create_dir(root.join(folder)).map(|()| Vec::new()));
            }
            10 => {
                let folder = *random.pick(&FOLDERS);
                self.both(format!("remove {folder}"), |root| {
                    std::fs::remove_dir(root.join(folder)).map(|()| Vec::new())
                });
            }
            // A folder in which an upload is under way shows nothing of it, so these stay out of those that are removed.
            _ if !name.contains('/') => self.keep_open(name),
            _ => {}
        }
    }

    fn keep_open(&mut self, name: &'static str) {
        self.steps.push(format!("open {name}"));
        let open = |root: &PathBuf| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(root.join(name))
                .expect("opened")
        };
        let files = self.roots.each_ref().map(open);
        self.open.push((name, files));
    }

    /// To others an upload shows when it is closed, and the kernel tells a FUSE file system of that after close(2) has returned.
    fn close(&mut self, at: usize) {
        let (name, files) = self.open.swap_remove(at);
        drop(files);
        let holds = || self.roots.each_ref().map(|root| std::fs::read(root.join(name)).ok());
        let deadline = Instant::now() + Duration::from_secs(10);
        while !matches!(holds(), [local, drive] if local == drive) {
            assert!(Instant::now() < deadline, "{name} is another on the drive after\n{}", self.steps.join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close(0);
        }
    }

    fn through_a_handle(&mut self, name: &'static str, random: &mut Random) {
        let (offset, content) = (random.below(300_000) as u64, content(random));
        let at = self.open.iter().position(|(open, _)| *open == name).expect("it is open");
        let what = *random.pick(&["write", "write", "cut", "sync", "read", "rename", "close"]);
        self.steps.push(format!("{what} through {name}: {} at {offset}", content.len()));
        if what == "close" {
            return self.close(at);
        }
        if what == "rename" {
            // The handle stays that of the file, wherever it is.
            let to = *random.pick(&NAMES[..3]);
            if !self.open.iter().any(|(open, _)| *open == to) {
                self.both(format!("which is now {to}"), |root| {
                    std::fs::rename(root.join(name), root.join(to)).map(|()| Vec::new())
                });
                self.open[at].0 = to;
            }
            return;
        }
        let act = |file: &File| match what {
            "write" => file.write_all_at(&content, offset).map(|()| Vec::new()),
            "cut" => file.set_len(offset).map(|()| Vec::new()),
            "sync" => file.sync_all().map(|()| Vec::new()),
            _ => read_up_to(file, content.len(), offset),
        };
        let said = self.open[at].1.each_ref().map(act);
        self.agree(&said);
    }
}

fn written(root: &Path, name: &str, content: &[u8]) -> Result<Vec<u8>> {
    std::fs::write(root.join(name), content).map(|()| Vec::new())
}

/// Bytes to write: mostly a few, at times more than a request holds.
fn content(random: &mut Random) -> Vec<u8> {
    let most = *random.pick(&[10, 5_000, 70_000, 400_000]);
    bytes(random.next(), random.below(most))
}

/// As much as there is, up to a length.
fn read_up_to(file: &File, length: usize, offset: u64) -> Result<Vec<u8>> {
    let mut buffer = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}
