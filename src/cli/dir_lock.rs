//! One process per data directory.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::problem::{Doing as _, Problem};
use super::setup::make_private_dir;
use crate::config::DataDir;

/// Between two attempts at a lock that somebody holds.
const PAUSE: Duration = Duration::from_millis(20);

/// The exclusive right to work on a data directory; the kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock, waiting so long for another verb that is done in a moment. Blocks.
    ///
    /// # Errors
    /// As [`DirLock::take`].
    pub(crate) fn take_within(data: &DataDir, patience: Duration) -> Result<Self, Problem> {
        let started = Instant::now();
        loop {
            match Self::take(data) {
                Err(_) if started.elapsed() < patience => std::thread::sleep(PAUSE),
                taken => return taken,
            }
        }
    }

    /// Takes the lock without waiting.
    ///
    /// # Errors
    /// When another process holds it, with that process's id.
    pub(crate) fn take(data: &DataDir) -> Result<Self, Problem> {
        make_private_dir(&data.run()).doing(format_args!("make {}", data.run().display()))?;
        let path = data.lock();
        let doing = format!("open {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .doing(&doing)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // The id only helps the reader; without it the message is still true.
                let _ = std::io::Read::by_ref(&mut file).take(20).read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "id not known" } else { holder.trim() };
                return Err(Problem::failed(format_args!(
                    "{} is in use by another process ({holder}); end that one first",
                    data.path().display()
                )));
            }
            Err(cause) => return Err(Problem::failed(format_args!("cannot lock {}: {cause}", path.display()))),
        }
        file.set_len(0).and_then(|()| file.rewind()).doing(&doing)?;
        writeln!(file, "{}", std::process::id()).doing(&doing)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let data = DataDir::new(dir.path());
        let lock = DirLock::take(&data).expect("free");
        let refused = DirLock::take(&data).expect_err("held");
        assert!(refused.message.contains(&format!("({})", std::process::id())), "{refused}");
        drop(lock);
        DirLock::take(&data).expect("free again");
    }
}
