//! Small files: written durably, read with a limit.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::Error;

/// No key file comes near this; a larger one is not ours and is not read into memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Turns an error of the operating system into ours.
pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace,
        _ => Error::Io { path: path.to_owned(), source },
    }
}

/// Makes a directory that only its owner may enter, if it is not there.
pub(super) fn make_dir(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error(path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Writes a file so that after a crash it is there whole or not at all, readable by its owner only.
pub(super) fn write_durably(path: &Path, content: &[u8]) -> Result<(), Error> {
    let temporary = path.with_extension("tmp");
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|source| {
        // The reason for the failure is worth more than a second one from the clean-up.
        let _ = fs::remove_file(&temporary);
        io_error(path)(source)
    })?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory durable.
fn sync_dir(path: &Path) -> Result<(), Error> {
    // The parent of a bare relative name is the empty path.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_error(path))
}

/// Reads a whole small file; the buffer is wiped when dropped.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = File::open(path).map_err(io_error(path))?;
    // Reserved at once, so that growing leaves no unwiped copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(4096));
    if file.metadata().map_err(io_error(path))?.len() > MAX_FILE_BYTES {
        return Err(Error::Damaged { path: path.to_owned(), what: "too large for a key file" });
    }
    file.take(MAX_FILE_BYTES).read_to_end(&mut content).map_err(io_error(path))?;
    Ok(content)
}
