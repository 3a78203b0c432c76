//! kill -9 at random moments under mixed load; the clients' own log of what was acknowledged is the judge.
//!
//! Six workers, half with OpenSSH's `sftp` and half with `curl`, each in folders of its own, put, overwrite, rename, rename
//! over, remove and read. A worker knows what its folders must hold: after an operation whose answer never came, either
//! what they held before or what they would hold after it, and nothing else. After each kill the directory is checked as
//! it lies there, the daemon starts again, and the tree must be one that the clients expect.
//!
//! `DEEDBOX_KILLS=1000 tests/run --test gateway kill_9` is the long run; `DEEDBOX_TEST_SEED` chooses another one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::deep_check::is_sound;
use crate::demo::*;
use crate::random::{Random, times};

const WORKERS: usize = 6;
const SOURCES: [usize; 10] = [0, 1, 100, 4_096, 5_000, 65_536, 70_000, 262_145, 900_000, 3_000_000];
/// Documents that a worker keeps at most; beyond, it removes.
const MAX_DOCUMENTS: usize = 12;

/// After so many a new firm is begun: each kill is followed by a look at every version that there is.
const KILLS_OF_A_FIRM: usize = 40;

/// Names in a worker's folders, and which source each document holds.
type World = BTreeMap<String, usize>;

#[derive(Debug, Clone)]
enum Act {
    Put { name: String, source: usize },
    Rename { from: String, to: String },
    Remove { name: String },
    Fetch { name: String },
}

impl Act {
    /// What the folders hold once this is done.
    fn apply(&self, world: &mut World) {
        match self {
            Self::Put { name, source } => drop(world.insert(name.clone(), *source)),
            Self::Rename { from, to } => {
                let source = world.remove(from).expect("it was there");
                world.insert(to.clone(), source);
            }
            Self::Remove { name } => drop(world.remove(name)),
            Self::Fetch { .. } => {}
        }
    }
}

/// A client with its memory.
struct Worker {
    folder: String,
    home: PathBuf,
    random: Random,
    made: usize,
    /// What its folders hold, as far as it was told.
    world: World,
    /// What they hold instead if the operation that was not answered came to pass.
    perhaps: Option<World>,
    acknowledged: usize,
    /// Path and bytes of every read of which anything arrived, and whether the client saw its end.
    fetched: Vec<(String, u64, bool)>,
}

/// The files that are uploaded.
struct Sources {
    files: Vec<PathBuf>,
    sha256: Vec<String>,
}

impl Sources {
    fn make(home: &Path) -> Self {
        let mut sources = Self { files: Vec::new(), sha256: Vec::new() };
        for (n, length) in SOURCES.into_iter().enumerate() {
            let file = home.join(format!("source-{n}"));
            std::fs::write(&file, bytes(n as u64 + 7, length)).expect("written");
            let sum = ok(Command::new("sha256sum").arg(&file).output().expect("sha256sum"));
            sources.sha256.push(sum.split(' ').next().expect("a digest").to_owned());
            sources.files.push(file);
        }
        sources
    }

    fn path(&self, n: usize) -> String {
        self.files[n].to_string_lossy().into_owned()
    }
}

impl Worker {
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// The next act that makes sense in this world.
    fn choose(&mut self, world: &World) -> Act {
        let names: Vec<&String> = world.keys().collect();
        let kind = self.random.below(10);
        let folder = *self.random.pick(&["", "sub/"]);
        self.made += 1;
        let fresh = format!("{folder}{}.bin", self.made);
        if names.len() < 2 || (kind < 3 && names.len() < MAX_DOCUMENTS) {
            return Act::Put { name: fresh, source: self.random.below(SOURCES.len()) };
        }
        let name = (*self.random.pick(&names)).clone();
        match kind {
            0..5 => {
                // Other content than now, so that old and new can be told apart.
                let source = (world[&name] + 1 + self.random.below(SOURCES.len() - 1)) % SOURCES.len();
                Act::Put { name, source }
            }
            5 => Act::Rename { from: name, to: fresh },
            6 => match self.random.pick(&names) {
                onto if **onto != name => Act::Rename { from: name, to: (*onto).clone() },
                _ => Act::Rename { from: name, to: fresh },
            },
            7 => Act::Remove { name },
            _ => Act::Fetch { name },
        }
    }

    /// Works until the daemon is gone.
    fn work(&mut self, demo: &Demo, sources: &Sources, over: &AtomicBool, by_sftp: bool) {
        while !over.load(Ordering::Relaxed) {
            let mut ahead = self.world.clone();
            let count = if by_sftp { 1 + self.random.below(6) } else { 1 };
            let acts: Vec<Act> = (0..count)
                .map(|_| {
                    let act = self.choose(&ahead);
                    act.apply(&mut ahead);
                    act
                })
                .collect();
            let done = if by_sftp { self.sftp(demo, sources, &acts) } else { self.curl(demo, sources, &acts[0]) };
            self.acknowledged += done;
            acts[..done].iter().for_each(|act| act.apply(&mut self.world));
            if let Some(unanswered) = acts.get(done) {
                assert!(over.load(Ordering::Relaxed) || gone(demo), "{unanswered:?} was refused");
                let mut perhaps = self.world.clone();
                unanswered.apply(&mut perhaps);
                self.perhaps = Some(perhaps);
                return;
            }
        }
    }

    /// One batch; answers how many of its commands were acknowledged. `sftp` shows each command when it begins.
    fn sftp(&mut self, demo: &Demo, sources: &Sources, acts: &[Act]) -> usize {
        let mut batch = String::new();
        let home = self.home.clone();
        let local = |n: usize| home.join(format!("fetched-{n}"));
        for (n, act) in acts.iter().enumerate() {
            batch += &match act {
                Act::Put { name, source } => format!("put {} \"{}\"\n", sources.path(*source), self.path(name)),
                Act::Rename { from, to } => format!("rename \"{}\" \"{}\"\n", self.path(from), self.path(to)),
                Act::Remove { name } => format!("rm \"{}\"\n", self.path(name)),
                Act::Fetch { name } => format!("get \"{}\" {}\n", self.path(name), local(n).display()),
            };
        }
        let output = demo.sftp(CLIENT_ONE, &batch);
        let begun = stdout(&output).lines().filter(|line| line.starts_with("sftp> ")).count();
        let done = if output.status.success() { acts.len() } else { begun.saturating_sub(1) };
        for (n, act) in acts.iter().enumerate() {
            let Act::Fetch { name } = act else { continue };
            self.note_fetched(name, &local(n), n < done, acts[..n].iter(), sources);
        }
        done
    }

    fn curl(&mut self, demo: &Demo, sources: &Sources, act: &Act) -> usize {
        let local = self.home.join("fetched");
        let output = match act {
            Act::Put { name, source } => demo.curl(CLIENT_ONE, &self.path(name), &["-f", "-T", &sources.path(*source)]),
            Act::Rename { from, to } => {
                let to = format!("Destination: {}", demo.url(&self.path(to)));
                demo.curl(CLIENT_ONE, &self.path(from), &["-f", "-X", "MOVE", "-H", &to])
            }
            Act::Remove { name } => demo.curl(CLIENT_ONE, &self.path(name), &["-f", "-X", "DELETE"]),
            Act::Fetch { name } => demo.curl(CLIENT_ONE, &self.path(name), &["-f", "-o", &local.to_string_lossy()]),
        };
        let done = output.status.success();
        if let Act::Fetch { name } = act {
            self.note_fetched(name, &local, done, [].iter(), sources);
        }
        usize::from(done)
    }

    /// What arrived must be a beginning of what the document holds at that time.
    fn note_fetched<'a>(
        &mut self,
        name: &str,
        local: &Path,
        whole: bool,
        before: impl Iterator<Item = &'a Act>,
        sources: &Sources,
    ) {
        let Ok(got) = std::fs::read(local) else { return };
        std::fs::remove_file(local).expect("removed");
        let mut world = self.world.clone();
        before.for_each(|act| act.apply(&mut world));
        let expected = std::fs::read(&sources.files[world[name]]).expect("a source");
        assert!(expected.starts_with(&got), "{name}: {} other bytes were served", got.len());
        assert!(!whole || got.len() == expected.len(), "{name}: {} of {} bytes", got.len(), expected.len());
        if !got.is_empty() {
            self.fetched.push((self.path(name), got.len() as u64, whole));
        }
    }

    /// Which of the worlds came to pass; neither is a document lost, or half of one seen.
    fn judge(&mut self, found: World, sources: &Sources, kill: usize) {
        let perhaps = self.perhaps.take();
        let fits = found == self.world || perhaps.as_ref() == Some(&found);
        assert!(
            fits,
            "kill {kill}, {}: found {found:?}, acknowledged {:?}, perhaps {perhaps:?}, sources {:?}",
            self.folder, self.world, sources.sha256
        );
        self.world = found;
    }
}

/// True once the daemon does not answer any more: it was killed a moment ago.
fn gone(demo: &Demo) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        if std::net::TcpStream::connect(demo.text("sftp")).is_err() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// What stands in every worker's folder, by the operator's list.
fn tree(demo: &Demo, workers: &[Worker], sources: &Sources) -> (Vec<World>, usize) {
    let documents = demo.deedbox_json(&["document", "list", "--matter", "2026-0001"]);
    let documents = documents.as_array().expect("a list");
    let mut worlds = vec![World::new(); workers.len()];
    for document in documents.iter().filter(|document| document["current"] == true) {
        let path = document["path"].as_str().expect("a path");
        for (worker, world) in workers.iter().zip(&mut worlds) {
            if let Some(name) = path.strip_prefix(&format!("{}/", worker.folder)) {
                let source = sources.sha256.iter().position(|sum| document["sha256"] == **sum);
                world.insert(name.to_owned(), source.unwrap_or_else(|| panic!("half a document: {document}")));
            }
        }
    }
    (worlds, documents.len())
}

#[test]
fn kill_9_under_load_loses_nothing_acknowledged_and_shows_nothing_half() {
    let mut left = times("DEEDBOX_KILLS", 8);
    let mut random = Random::seeded("kill -9");
    while left > 0 {
        let kills = left.min(KILLS_OF_A_FIRM);
        left -= kills;
        kill_a_firm(kills, &mut random);
        println!("{left} kills left");
    }
}

/// Kills the daemon of a new firm so many times.
fn kill_a_firm(kills: usize, random: &mut Random) {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let sources = Sources::make(home.path());
    let room = format!("/{MATTER_ONE}/Documents/Shared room");
    let mut demo = Demo::start_in(&data);
    let mut workers: Vec<Worker> = (0..WORKERS)
        .map(|n| {
            let folder = format!("{room}/worker {n}");
            ok(demo.sftp(CLIENT_ONE, &format!("mkdir \"{folder}\"\nmkdir \"{folder}/sub\"")));
            let own = home.path().join(format!("home-{n}"));
            std::fs::create_dir(&own).expect("made");
            let (world, perhaps, fetched) = (World::new(), None, Vec::new());
            Worker { folder, home: own, random: random.fork(), made: 0, world, perhaps, acknowledged: 0, fetched }
        })
        .collect();
    for kill in 1..=kills {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (n, worker) in workers.iter_mut().enumerate() {
                let (demo, sources, over) = (&demo, &sources, &over);
                scope.spawn(move || worker.work(demo, sources, over, n % 2 == 0));
            }
            std::thread::sleep(Duration::from_millis(200 + random.below(2300) as u64));
            signal(demo.pid(), "KILL");
            over.store(true, Ordering::Relaxed);
        });
        demo.kill();
        if random.below(4) == 0 {
            killed_while_starting(&data, random.below(400) as u64);
        }
        is_sound(&data);
        demo = Demo::start_in(&data);
        let report = is_sound(&data);
        let (worlds, _) = tree(&demo, &workers, &sources);
        for (worker, found) in workers.iter_mut().zip(worlds) {
            worker.judge(found, &sources, kill);
        }
        assert_eq!(
            report["checked"]["versions"],
            count(&data.join("blobs")),
            "kill {kill}: blobs that no version names"
        );
        assert_eq!(count(&data.join("staging")), 0, "kill {kill}: leftovers");
    }
    read_everything(&demo, &workers, &sources);
    demo.stop();
    let report = is_sound(&data);
    assert!(report["leftovers"].as_array().expect("a list").is_empty(), "{report:#}");
    every_byte_is_recorded(&data, &workers);
    let acknowledged: usize = workers.iter().map(|worker| worker.acknowledged).sum();
    let reads: usize = workers.iter().map(|worker| worker.fetched.len()).sum();
    println!(
        "{kills} kills, {acknowledged} operations acknowledged, {reads} reads: nothing lost, nothing half, all recorded"
    );
    assert!(acknowledged >= 4 * kills, "only {acknowledged} operations were acknowledged");
}

/// Recovery itself is interrupted.
fn killed_while_starting(data: &Path, after: u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deedbox"));
    command.args(["demo", "--json", "--sftp", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data"]).arg(data);
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("starts");
    std::thread::sleep(Duration::from_millis(after));
    child.kill().expect("killed");
    child.wait().expect("its end");
}

fn count(dir: &Path) -> u64 {
    let files = Command::new("find").arg(dir).args(["-type", "f"]).output().expect("find");
    stdout(&files).lines().count() as u64
}

/// Through both front ends, since what a check reads is not what a client reads.
fn read_everything(demo: &Demo, workers: &[Worker], sources: &Sources) {
    for (n, worker) in workers.iter().enumerate() {
        for (name, source) in &worker.world {
            let local = worker.home.join("whole");
            if n % 2 == 0 {
                let got = demo.curl(CLIENT_ONE, &worker.path(name), &["-f", "-o", &local.to_string_lossy()]);
                assert!(got.status.success(), "{name}: {}", both(&got));
            } else {
                ok(demo.sftp(CLIENT_ONE, &format!("get \"{}\" {}", worker.path(name), local.display())));
            }
            assert!(std::fs::read(&local).expect("got") == std::fs::read(&sources.files[*source]).expect("a source"));
        }
    }
}

/// Every read of which anything arrived has its intent, or one record for all of it, and those that ended before a kill their bytes.
fn every_byte_is_recorded(data: &Path, workers: &[Worker]) {
    let shown = ok(deedbox(&["audit", "show", "--json", "--data", &data.to_string_lossy()]));
    let (mut begun, mut ended): (BTreeMap<String, usize>, BTreeMap<String, Vec<u64>>) = Default::default();
    for line in shown.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record a line");
        if record["action"] != "read" {
            continue;
        }
        let path = record["path"].as_str().expect("a path").to_owned();
        match record["outcome"].as_str() {
            Some("begun") => *begun.entry(path).or_default() += 1,
            // A crash before the outcome was durable: the intent stands for all of it.
            Some("abandoned") => ended.entry(path).or_default().push(u64::MAX),
            _ => {
                // What was fetched in one piece has one record, which was durable before its first byte.
                if record["refers"].is_null() {
                    *begun.entry(path.clone()).or_default() += 1;
                }
                ended.entry(path).or_default().push(record["bytes"].as_u64().unwrap_or(0));
            }
        }
    }
    let mut fetched: BTreeMap<&String, Vec<u64>> = BTreeMap::new();
    for (path, got, _) in workers.iter().flat_map(|worker| &worker.fetched) {
        fetched.entry(path).or_default().push(*got);
    }
    for (path, mut got) in fetched {
        assert!(begun.get(path).is_some_and(|begun| *begun >= got.len()), "{path}: bytes without a record");
        // The largest against the largest: each read has a record of at least as many bytes.
        let mut recorded = ended.remove(path).unwrap_or_default();
        got.sort_unstable_by(|a, b| b.cmp(a));
        recorded.sort_unstable_by(|a, b| b.cmp(a));
        let covered = got.len() <= recorded.len() && got.iter().zip(&recorded).all(|(got, recorded)| got <= recorded);
        assert!(covered, "{path}: {got:?} arrived, {recorded:?} recorded");
    }
}
