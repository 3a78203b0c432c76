//! Sealing and opening one large document at rest, beside the `age` crate, taking turns: `cargo bench --bench at_rest`.
//!
//! Both write age files for one recipient to memory (`/dev/shm`) and read them back from there. Ours takes the SHA-256 of
//! the document, too, which the catalog binds; so the crate seals once alone and once with that beside it. Ratio: the
//! crate's time by ours, so above 1 ours is faster.

mod report;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::time::Instant;

use aws_lc_rs::digest;
use clap::Parser;
use deedbox::keys::MatterKey;
use deedbox::vault::blobs::{BlobRef, BlobStore};
use report::{Spread, judge};
use tempfile::TempDir;

const MIB: usize = 1 << 20;
/// What the front ends hand over at a time.
const STEP: usize = 512 * 1024;

#[derive(Parser)]
struct Arguments {
    /// Size of the document
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Pairs of turns, after one pair that does not count
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// One side of the comparison.
struct Turns {
    seconds: Vec<f64>,
    processor: Vec<f64>,
}

impl Turns {
    fn new() -> Self {
        Self { seconds: Vec::new(), processor: Vec::new() }
    }

    fn take(&mut self, work: impl FnOnce()) {
        let (began, processor) = (Instant::now(), processor_seconds());
        work();
        self.seconds.push(began.elapsed().as_secs_f64());
        self.processor.push(processor_seconds() - processor);
    }

    fn told(&self, mib: usize) -> String {
        let (seconds, processor) = (Spread::of(&self.seconds).median, Spread::of(&self.processor).median);
        let gib = mib as f64 / 1024.0;
        format!("{:.0} MiB/s, {:.2} s of processor per GiB", mib as f64 / seconds, processor / gib)
    }
}

/// Processor time that this process has taken so far, in seconds (proc(5), stat; in hundredths).
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("proc is mounted");
    let (_, fields) = stat.rsplit_once(')').expect("the name of the program is in brackets");
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    f64::from(ticks) / 100.0
}

struct Bench {
    mib: usize,
    step: Vec<u8>,
    key: MatterKey,
    dir: TempDir,
    store: BlobStore,
}

impl Bench {
    fn seal_ours(&self) -> BlobRef {
        let mut writer = self.store.create(&self.key).expect("a new blob");
        for _ in 0..self.mib * MIB / STEP {
            writer.write(&self.step).expect("written");
        }
        writer.finish().expect("finished")
    }

    fn open_ours(&self, blob: &BlobRef) {
        let reader = self.store.read(blob, &self.key).expect("opened");
        let (mut buffer, mut offset) = (vec![0; STEP], 0);
        while offset < blob.size {
            offset += reader.read_at(offset, &mut buffer).expect("read") as u64;
            black_box(&buffer);
        }
    }

    fn seal_crate(&self, path: &Path, mut digest: Option<digest::Context>) {
        let recipients = std::iter::once(&self.key as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).expect("a recipient");
        let mut writer = encryptor.wrap_output(File::create(path).expect("a file")).expect("a header");
        for _ in 0..self.mib * MIB / STEP {
            if let Some(digest) = &mut digest {
                digest.update(&self.step);
            }
            writer.write_all(&self.step).expect("written");
        }
        writer.finish().and_then(|mut file| file.flush()).expect("finished");
        black_box(digest.map(digest::Context::finish));
    }

    fn open_crate(&self, path: &Path) {
        let file = BufReader::with_capacity(STEP, File::open(path).expect("a file"));
        let decryptor = age::Decryptor::new_buffered(file).expect("a header");
        let identity = std::iter::once(&self.key as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identity).expect("opened");
        let (mut buffer, mut left) = (vec![0; STEP], self.mib * MIB);
        while left > 0 {
            reader.read_exact(&mut buffer).expect("read");
            black_box(&buffer);
            left -= STEP;
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let dir = TempDir::new_in("/dev/shm").expect("a directory in memory");
    let mut step = vec![0; STEP];
    getrandom::fill(&mut step).expect("random bytes");
    let store = BlobStore::open(&dir.path().join("blobs")).expect("a store");
    let bench = Bench { mib: arguments.mib, step, key: MatterKey::generate(), dir, store };
    let path = bench.dir.path().join("crate.age");

    let [mut seal, mut open, mut crate_seal, mut crate_both, mut crate_open] = std::array::from_fn(|_| Turns::new());
    for pair in 0..=arguments.pairs {
        if pair == 1 {
            // The warm-up does not count.
            for turns in [&mut seal, &mut open, &mut crate_seal, &mut crate_both, &mut crate_open] {
                *turns = Turns::new();
            }
        }
        let mut blob = None;
        seal.take(|| blob = Some(bench.seal_ours()));
        let blob = blob.expect("sealed");
        open.take(|| bench.open_ours(&blob));
        bench.store.remove(&blob.id).expect("removed");
        crate_seal.take(|| bench.seal_crate(&path, None));
        crate_open.take(|| bench.open_crate(&path));
        fs::remove_file(&path).expect("removed");
        crate_both.take(|| bench.seal_crate(&path, Some(digest::Context::new(&digest::SHA256))));
        fs::remove_file(&path).expect("removed");
    }

    println!("{} MiB at rest, {} pairs", arguments.mib, arguments.pairs);
    println!("seal with SHA-256, ours: {}", seal.told(bench.mib));
    println!("seal with SHA-256, age crate: {}; ratio {}", crate_both.told(bench.mib), ratio(&crate_both, &seal));
    println!("seal, age crate: {}; ratio {}", crate_seal.told(bench.mib), ratio(&crate_seal, &seal));
    println!("  of the latter: {}", judge(Spread::of(&ratios(&crate_seal, &seal)).median, 1.5, 1.9, true));
    println!("open, ours: {}", open.told(bench.mib));
    println!("open, age crate: {}; ratio {}", crate_open.told(bench.mib), ratio(&crate_open, &open));
    println!("  of which: {}", judge(Spread::of(&ratios(&crate_open, &open)).median, 2.0, 2.3, true));
}

fn ratios(theirs: &Turns, ours: &Turns) -> Vec<f64> {
    theirs.seconds.iter().zip(&ours.seconds).map(|(theirs, ours)| theirs / ours).collect()
}

fn ratio(theirs: &Turns, ours: &Turns) -> String {
    let Spread { median, min, max } = Spread::of(&ratios(theirs, ours));
    format!("{median:.2} ({min:.2} to {max:.2})")
}
