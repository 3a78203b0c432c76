//! The limits of both doors: which there are, what they are now, and how much of them each account has.
//!
//! | where | what is bounded |
//! |---|---|
//! | `places` | connections, before login and after |
//! | here | what an account has at one time: requests, uploads, open documents, listings |
//! | `pace` | how slowly a body may move |
//! | `sftp`, `webdav` | what only one protocol has: handles, channels, queues, headers, XML |
//! | [`Gate`](crate::gate::Gate) | guesses at passwords, and passwords that wait to be checked |
//!
//! Whatever ends at a limit is counted here, by the limit's name.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::config::Limits;
use crate::names::{AccountId, Front};

/// A limit that something ended at. The README says what the client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Connections,
    ConnectionsPerAccount,
    BeforeLogin,
    BeforeLoginPerAddress,
    Handshake,
    Login,
    Idle,
    Header,
    Slow,
    RequestsPerConnection,
    RequestsPerAccount,
    Uploads,
    UploadsPerAccount,
    Documents,
    DocumentsPerAccount,
    FoldersPerAccount,
    Channels,
    Handles,
    Queued,
    SshOverhead,
    HeaderBytes,
    XmlBytes,
    XmlShape,
    Ranges,
    UploadBytes,
}

impl Limit {
    const ALL: [Self; 25] = [
        Self::Connections,
        Self::ConnectionsPerAccount,
        Self::BeforeLogin,
        Self::BeforeLoginPerAddress,
        Self::Handshake,
        Self::Login,
        Self::Idle,
        Self::Header,
        Self::Slow,
        Self::RequestsPerConnection,
        Self::RequestsPerAccount,
        Self::Uploads,
        Self::UploadsPerAccount,
        Self::Documents,
        Self::DocumentsPerAccount,
        Self::FoldersPerAccount,
        Self::Channels,
        Self::Handles,
        Self::Queued,
        Self::SshOverhead,
        Self::HeaderBytes,
        Self::XmlBytes,
        Self::XmlShape,
        Self::Ranges,
        Self::UploadBytes,
    ];

    /// Its name in the metrics: that of the setting without its unit, where there is one.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAccount => "connections_per_account",
            Self::BeforeLogin => "before_login",
            Self::BeforeLoginPerAddress => "before_login_per_address",
            Self::Handshake => "handshake",
            Self::Login => "login",
            Self::Idle => "idle",
            Self::Header => "header_time",
            Self::Slow => "slow",
            Self::RequestsPerConnection => "requests_per_connection",
            Self::RequestsPerAccount => "requests_per_account",
            Self::Uploads => "uploads",
            Self::UploadsPerAccount => "uploads_per_account",
            Self::Documents => "documents",
            Self::DocumentsPerAccount => "documents_per_account",
            Self::FoldersPerAccount => "folders_per_account",
            Self::Channels => "channels_per_connection",
            Self::Handles => "handles_per_connection",
            Self::Queued => "queued",
            Self::SshOverhead => "ssh_overhead",
            Self::HeaderBytes => "header",
            Self::XmlBytes => "xml",
            Self::XmlShape => "xml_shape",
            Self::Ranges => "ranges",
            Self::UploadBytes => "upload",
        }
    }

    /// What is at its limit, for the person at the other end.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Connections | Self::BeforeLogin | Self::BeforeLoginPerAddress => "connections",
            Self::ConnectionsPerAccount => "connections of this login",
            Self::RequestsPerConnection | Self::RequestsPerAccount => "requests at one time",
            Self::Uploads | Self::UploadsPerAccount => "uploads at one time",
            Self::Documents | Self::DocumentsPerAccount => "open documents",
            Self::FoldersPerAccount => "open folders",
            Self::Channels => "channels",
            Self::Handles => "open handles",
            Self::Queued => "answers that were not taken",
            Self::SshOverhead => "key exchanges and other traffic beside SFTP",
            Self::Handshake | Self::Login | Self::Idle | Self::Header | Self::Slow => "time",
            Self::HeaderBytes => "header bytes",
            Self::XmlBytes | Self::XmlShape => "the request body",
            Self::Ranges => "ranges",
            Self::UploadBytes => "bytes of a document",
        }
    }

    /// Counts that something ended at this limit.
    pub(super) fn hit(self, door: Front) -> Self {
        counter(self, door).increment(1);
        self
    }
}

fn counter(limit: Limit, door: Front) -> metrics::Counter {
    metrics::counter!("deedbox_limit_hits_total", "limit" => limit.name(), "front" => door.as_str())
}

/// What an account has at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    Request,
    Upload,
    Document,
    Folder,
}

type Counts = [usize; 4];

/// The limits as they are now, and what is held of those that both doors share.
pub struct Bounds {
    now: ArcSwap<Limits>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    by_all: Counts,
    by_account: HashMap<AccountId, Counts>,
}

impl Bounds {
    /// Nothing is held yet. Every limit's counter starts at zero, so that its first increase is seen.
    pub fn new(limits: Limits) -> Arc<Self> {
        for limit in Limit::ALL {
            for door in Front::DOORS {
                counter(limit, door).absolute(0);
            }
        }
        Arc::new(Self { now: ArcSwap::from_pointee(limits), held: Mutex::default() })
    }

    /// Other limits, from now on. What is open already stays, even if it is more than they allow; times and sizes apply
    /// to connections that are accepted after this.
    pub fn set(&self, limits: Limits) {
        self.now.store(Arc::new(limits));
    }

    /// The limits as they are now.
    pub fn now(&self) -> Limits {
        **self.now.load()
    }

    /// One more of something for an account, or the limit that stands against it.
    pub(super) fn hold(self: &Arc<Self>, account: AccountId, holding: Holding, door: Front) -> Result<Share, Limit> {
        let limits = self.now.load();
        let (of_one, of_all) = match holding {
            Holding::Request => ((limits.requests_per_account, Limit::RequestsPerAccount), None),
            Holding::Folder => ((limits.folders_per_account, Limit::FoldersPerAccount), None),
            Holding::Upload => {
                ((limits.uploads_per_account, Limit::UploadsPerAccount), Some((limits.uploads, Limit::Uploads)))
            }
            Holding::Document => {
                ((limits.documents_per_account, Limit::DocumentsPerAccount), Some((limits.documents, Limit::Documents)))
            }
        };
        let mut held = self.held.lock();
        let of_account = held.by_account.get(&account).map_or(0, |counts| counts[holding as usize]);
        let reached = |count: usize, (most, limit): (usize, Limit)| (count >= most).then_some(limit);
        let in_all = held.by_all[holding as usize];
        if let Some(limit) = reached(of_account, of_one).or_else(|| reached(in_all, of_all?)) {
            return Err(limit.hit(door));
        }
        held.by_all[holding as usize] += 1;
        held.by_account.entry(account).or_default()[holding as usize] += 1;
        Ok(Share { bounds: self.clone(), account, holding })
    }
}

/// One of what an account holds; given back when dropped.
pub(super) struct Share {
    bounds: Arc<Bounds>,
    account: AccountId,
    holding: Holding,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.bounds.held.lock();
        held.by_all[self.holding as usize] -= 1;
        if let Some(counts) = held.by_account.get_mut(&self.account) {
            counts[self.holding as usize] -= 1;
            if *counts == Counts::default() {
                held.by_account.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
pub(super) fn defaults() -> Limits {
    crate::config::parse("", std::path::Path::new("x.toml")).expect("the defaults are valid").limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_share_and_cannot_take_what_all_have_together() {
        let bounds = Bounds::new(Limits { uploads: 3, uploads_per_account: 2, ..defaults() });
        let [one, two] = [1, 2].map(|n| AccountId::from_bytes([n; 16]));
        let hold = |account| bounds.hold(account, Holding::Upload, Front::Sftp);
        let mine = (hold(one).expect("one"), hold(one).expect("two"));
        assert_eq!(hold(one).err(), Some(Limit::UploadsPerAccount));
        let theirs = hold(two).expect("the last");
        assert_eq!(hold(two).err(), Some(Limit::Uploads));
        assert!(bounds.hold(one, Holding::Document, Front::Sftp).is_ok(), "each kind is counted for itself");
        drop(mine);
        assert!(hold(two).is_ok());
        drop(theirs);
        assert!(bounds.held.lock().by_account.is_empty(), "nothing is kept of who holds nothing");
    }

    #[test]
    fn limits_that_are_set_later_hold_from_then_on() {
        let bounds = Bounds::new(defaults());
        let account = AccountId::from_bytes([1; 16]);
        let held = bounds.hold(account, Holding::Upload, Front::Webdav).expect("one");
        bounds.set(Limits { uploads_per_account: 1, ..bounds.now() });
        assert!(bounds.hold(account, Holding::Upload, Front::Webdav).is_err());
        drop(held);
        assert!(bounds.hold(account, Holding::Upload, Front::Webdav).is_ok());
    }

    #[test]
    fn the_readme_and_the_sample_configuration_name_every_limit() {
        let (readme, sample) = (include_str!("../../README.md"), include_str!("../../config/deedbox.toml"));
        for limit in Limit::ALL {
            assert!(readme.contains(&format!("`{}`", limit.name())), "`{}` is not in the README", limit.name());
        }
        for setting in sample.split_once("[limits]").expect("there").1.lines().filter_map(|l| l.strip_prefix("#: ")) {
            let name = setting.split(' ').next().unwrap_or_default();
            assert!(readme.contains(&format!("`{name}`")), "`{name}` is not in the README");
        }
    }
}
