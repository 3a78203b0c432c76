//! For tests: a small filesystem of their own, without being root.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const INSIDE: &str = "DEEDBOX_TEST_MAY_MOUNT";

/// A tmpfs.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Runs the test of this name once more, in a user and mount namespace of its own. That second run gets the disk;
    /// the first gets nothing, and fails if the second did.
    pub(crate) fn mount(test: &str, bytes: u64) -> Option<Self> {
        if std::env::var_os(INSIDE).is_none() {
            let program = std::env::current_exe().expect("this program");
            let mut again = Command::new("unshare");
            again.args(["-rm"]).arg(program).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
            let output = again.output().expect("unshare is part of util-linux");
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
            // Without a namespace nothing ran, and that is no success.
            assert!(output.status.success() && said.contains("1 passed"), "{test} in a namespace of its own: {said}");
            return None;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(dir.path()).status();
        assert!(mounted.is_ok_and(|status| status.success()), "a tmpfs can be mounted");
        Some(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The namespace ends with the test, and the mount with it; this only lets the directory be removed.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
