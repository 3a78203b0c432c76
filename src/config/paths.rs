//! Where everything stands inside the data directory.

use std::path::{Path, PathBuf};

/// The state directory of one firm. Everything in it is private to the daemon's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The data directory at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration file that `init` and `demo` write.
    pub fn config(&self) -> PathBuf {
        self.0.join("deedbox.toml")
    }

    /// The audit record: tiles, checkpoints, sealed bodies.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// Encrypted versions of documents, one age file each.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// The key-value store with names and metadata.
    pub fn catalog(&self) -> PathBuf {
        self.0.join("catalog")
    }

    /// The firm's identity, the matters' identities, the audit key.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The matters' identities, the only keys that are made while the daemon runs.
    pub fn matter_keys(&self) -> PathBuf {
        self.keys().join("matters")
    }

    /// SSH host keys.
    pub fn ssh_keys(&self) -> PathBuf {
        self.keys().join("ssh")
    }

    /// TLS certificates and their private keys.
    pub fn certs(&self) -> PathBuf {
        self.0.join("certs")
    }

    /// Unfinished uploads, encrypted.
    pub fn staging(&self) -> PathBuf {
        self.0.join("staging")
    }

    /// What exists only while the daemon runs.
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.run().join("control.sock")
    }

    /// Held by the one process that works on the directory.
    pub fn lock(&self) -> PathBuf {
        self.run().join("lock")
    }

    /// All directories that `init` makes.
    pub fn all(&self) -> [PathBuf; 8] {
        [
            self.audit(),
            self.blobs(),
            self.catalog(),
            self.keys(),
            self.ssh_keys(),
            self.certs(),
            self.staging(),
            self.run(),
        ]
    }
}
