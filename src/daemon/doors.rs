//! The front doors' settings, made from the firm's, and how new ones are put in their place.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::tls::{Certificate, Tls};
use crate::cli::{self, Problem};
use crate::config::{self, Settings};
use crate::front::{sftp, webdav};

/// What each new connection is served with. Connections that are open keep what they began with.
pub(super) struct Doors {
    pub(super) sftp: Option<Arc<ArcSwap<sftp::Settings>>>,
    pub(super) https: Option<HttpsDoor>,
}

/// What the WebDAV listener serves with.
pub(super) struct HttpsDoor {
    pub(super) tls: Arc<Tls>,
    pub(super) settings: Arc<ArcSwap<webdav::Settings>>,
}

/// The same as read from the disk, not in use yet.
pub(super) struct Read {
    sftp: Option<sftp::Settings>,
    https: Option<(Certificate, webdav::Settings)>,
}

impl Read {
    /// Reads the host keys and the certificate that these settings name.
    ///
    /// # Errors
    /// All that cannot be read.
    pub(super) fn from(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let sftp = settings.sftp.as_ref().map(|sftp| sftp_settings(settings, sftp)).transpose();
        let https = settings.https.as_ref().map(|https| Ok((Certificate::read(https)?, webdav_settings(settings))));
        match (sftp, https.transpose()) {
            (Ok(sftp), Ok(https)) => Ok(Self { sftp, https }),
            (sftp, https) => Err(sftp.err().into_iter().chain(https.err()).collect()),
        }
    }
}

impl Doors {
    /// Doors that are opened with these settings.
    pub(super) fn new(read: Read) -> Self {
        let swap = |(certificate, settings): (Certificate, _)| HttpsDoor {
            tls: Arc::new(Tls::new(certificate)),
            settings: Arc::new(ArcSwap::from_pointee(settings)),
        };
        Self { sftp: read.sftp.map(|sftp| Arc::new(ArcSwap::from_pointee(sftp))), https: read.https.map(swap) }
    }

    /// Which keys and certificates are others than those in use.
    pub(super) fn differences(&self, read: &Read) -> Vec<String> {
        let mut changed = Vec::new();
        if let (Some(old), Some(new)) = (&self.sftp, &read.sftp)
            && old.load().host_keys != new.host_keys
        {
            changed.push("the SSH host keys".to_owned());
        }
        if let (Some(old), Some((new, _))) = (&self.https, &read.https)
            && old.tls.fingerprint() != new.fingerprint()
        {
            changed.push(format!("the certificate, now SHA-256 {}", new.fingerprint()));
        }
        changed
    }

    /// New connections are served with these from now on. A door that was closed at the start stays closed.
    pub(super) fn change(&self, read: Read) {
        if let (Some(door), Some(sftp)) = (&self.sftp, read.sftp) {
            door.store(Arc::new(sftp));
        }
        if let (Some(door), Some((certificate, settings))) = (&self.https, read.https) {
            door.tls.change(certificate);
            door.settings.store(Arc::new(settings));
        }
    }
}

fn sftp_settings(settings: &Settings, sftp: &config::Sftp) -> Result<sftp::Settings, Problem> {
    let host_keys = cli::read_host_keys(&sftp.host_keys)?;
    Ok(sftp::Settings {
        host_keys,
        limits: sftp::Limits {
            connections: settings.limits.connections,
            connections_per_address: settings.limits.connections_per_address,
            login_deadline: settings.limits.login,
            idle: settings.limits.idle,
            ..sftp::Limits::default()
        },
        banner: None,
        drain: settings.drain,
    })
}

fn webdav_settings(settings: &Settings) -> webdav::Settings {
    webdav::Settings {
        realm: settings.firm.clone(),
        connections: settings.limits.connections,
        connections_per_address: settings.limits.connections_per_address,
        handshake_timeout: settings.limits.login.min(Duration::from_secs(30)),
        drain: settings.drain,
        ..webdav::Settings::default()
    }
}
