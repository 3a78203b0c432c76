//! The front doors' settings, made from the firm's, and how new ones are put in their place.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::process;
use super::tls::{Certificate, Tls};
use crate::cli::{self, Doing as _, Problem};
use crate::config::{self, Limits, Settings};
use crate::front::{Bounds, api, sftp, web, webdav};
use crate::observe::CertificateHealth;

/// What each new connection is served with. Connections that are open keep what they began with.
pub(super) struct Doors {
    /// What both doors share of what clients may use.
    bounds: Arc<Bounds>,
    pub(super) sftp: Option<Arc<ArcSwap<sftp::Settings>>>,
    pub(super) scanners: Option<Arc<ArcSwap<sftp::Settings>>>,
    pub(super) https: Option<HttpsDoor>,
}

/// What the HTTPS listener serves the drive, the pages and the API with.
pub(super) struct HttpsDoor {
    pub(super) tls: Arc<Tls>,
    pub(super) settings: Arc<ArcSwap<webdav::Settings>>,
    pub(super) pages: Arc<ArcSwap<web::Settings>>,
    pub(super) api: Arc<ArcSwap<api::Settings>>,
}

/// The same as read from the disk, not in use yet.
pub(super) struct Read {
    limits: Limits,
    sftp: Option<sftp::Settings>,
    scanners: Option<sftp::Settings>,
    https: Option<ReadHttps>,
}

struct ReadHttps {
    certificate: Certificate,
    drive: webdav::Settings,
    pages: web::Settings,
    api: api::Settings,
}

impl Read {
    /// Reads the host keys and the certificate that these settings name, for doors with these bounds.
    ///
    /// # Errors
    /// All that cannot be read.
    pub(super) fn from(settings: &Settings, bounds: &Arc<Bounds>) -> Result<Self, Vec<Problem>> {
        let limits = process::room_for(settings.limits);
        let host_keys = settings.host_keys().map_or(Ok(Vec::new()), cli::read_host_keys);
        let https = settings.https.as_ref();
        let https = https.map(|https| {
            let certificate = Certificate::read(https)?;
            let (drive, pages) = (webdav_settings(settings, bounds), pages_settings(settings)?);
            Ok(ReadHttps { certificate, drive, pages, api: api_settings(settings) })
        });
        let https = https.transpose();
        match (limits, host_keys, https) {
            (Ok(limits), Ok(host_keys), Ok(https)) => {
                let sftp = |scanners| sftp::Settings {
                    host_keys: host_keys.clone(),
                    bounds: bounds.clone(),
                    banner: settings.sftp.as_ref().and_then(|sftp| sftp.banner.clone()),
                    post_quantum_only: settings.sftp.as_ref().is_some_and(|sftp| sftp.post_quantum_only),
                    drain: settings.drain,
                    scanners,
                };
                let of = |scanners: &config::Scanners| sftp::Scanners {
                    allow: scanners.allow.clone(),
                    until: scanners.until,
                };
                let scanners = settings.scanners.as_ref().map(|scanners| sftp(Some(of(scanners))));
                Ok(Self { limits, sftp: settings.sftp.as_ref().map(|_| sftp(None)), scanners, https })
            }
            (limits, keys, https) => Err([limits.err(), keys.err(), https.err()].into_iter().flatten().collect()),
        }
    }
}

impl Doors {
    /// Doors that are opened with these settings.
    pub(super) fn new(read: Read, bounds: Arc<Bounds>) -> Self {
        bounds.set(read.limits);
        let swap = |read: ReadHttps| HttpsDoor {
            tls: Arc::new(Tls::new(read.certificate)),
            settings: Arc::new(ArcSwap::from_pointee(read.drive)),
            pages: Arc::new(ArcSwap::from_pointee(read.pages)),
            api: Arc::new(ArcSwap::from_pointee(read.api)),
        };
        let sftp = |read: sftp::Settings| Arc::new(ArcSwap::from_pointee(read));
        Self { bounds, sftp: read.sftp.map(sftp), scanners: read.scanners.map(sftp), https: read.https.map(swap) }
    }

    /// What is read anew is read for these.
    pub(super) fn bounds(&self) -> &Arc<Bounds> {
        &self.bounds
    }

    /// The certificate in use.
    pub(super) fn certificate(&self) -> Option<CertificateHealth> {
        self.https.as_ref().map(|https| https.tls.health())
    }

    /// Which keys and certificates are others than those in use.
    pub(super) fn differences(&self, read: &Read) -> Vec<String> {
        let mut changed = Vec::new();
        let (old, new) = (self.sftp.as_ref().or(self.scanners.as_ref()), read.sftp.as_ref().or(read.scanners.as_ref()));
        if let (Some(old), Some(new)) = (old, new)
            && old.load().host_keys != new.host_keys
        {
            changed.push(format!("the SSH host keys, now {}", new.host_keys_told()));
        }
        if let (Some(old), Some(new)) = (&self.https, &read.https)
            && old.tls.health().fingerprint != new.certificate.fingerprint()
        {
            changed.push(format!("the certificate, now SHA-256 {}", new.certificate.fingerprint()));
        }
        changed
    }

    /// New connections are served with these from now on. A door that was closed at the start stays closed.
    pub(super) fn change(&self, read: Read) {
        self.bounds.set(read.limits);
        if let (Some(door), Some(sftp)) = (&self.sftp, read.sftp) {
            door.store(Arc::new(sftp));
        }
        if let (Some(door), Some(scanners)) = (&self.scanners, read.scanners) {
            door.store(Arc::new(scanners));
        }
        if let (Some(door), Some(read)) = (&self.https, read.https) {
            door.tls.change(read.certificate);
            door.settings.store(Arc::new(read.drive));
            door.pages.store(Arc::new(read.pages));
            door.api.store(Arc::new(read.api));
        }
    }
}

fn webdav_settings(settings: &Settings, bounds: &Arc<Bounds>) -> webdav::Settings {
    webdav::Settings { realm: settings.firm.clone(), bounds: bounds.clone(), drain: settings.drain }
}

fn pages_settings(settings: &Settings) -> Result<web::Settings, Problem> {
    let colour = settings.pages.colour.map(|colour| colour.to_string());
    let logo = settings.pages.logo.as_deref().map(read_logo).transpose()?;
    let mail = settings.mail.as_ref().map(|mail| web::Mail {
        from: mail.from.to_string(),
        relay: format!("{}:{}", mail.relay.host, mail.relay.port),
        digest_hour: mail.digest_hour,
        document_names: mail.document_names,
        notify_participants: mail.notify_participants,
    });
    Ok(web::Settings {
        firm: settings.firm.clone(),
        zone: settings.time_zone.clone(),
        mail,
        public_url: settings.public_url.clone(),
        colour,
        logo,
        file: settings.source.clone(),
        matter_types: settings.matter_types.clone(),
    })
}

fn read_logo(file: &Path) -> Result<web::Logo, Problem> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(web::Logo::MOST + 1).read_to_end(&mut bytes));
    read.doing(format_args!("read the logo {}", file.display()))?;
    web::Logo::parse(bytes).map_err(|why| Problem::failed(format_args!("{}: {why}", file.display())))
}

fn api_settings(settings: &Settings) -> api::Settings {
    api::Settings {
        enabled: settings.api.enabled,
        administer: settings.api.administer,
        firm: settings.firm.clone(),
        public_url: settings.public_url.clone(),
        mails: settings.mail.is_some(),
    }
}
