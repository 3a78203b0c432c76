//! `deedbox check`: is everything that the daemon needs there and sound, before it is started?

mod deep;
mod record;
mod report;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Args;

use super::Global;
use super::intake::read_intake;
use super::matter_type::read_folder;
use super::policy::read_guards;
use super::problem::Problem;
use super::reply::Reply;
use super::setup::{host_public_keys, read_ssh_trust};
use crate::audit;
use crate::config::Settings;
use crate::daemon;
use crate::keys::Keyring;
pub(super) use deep::beside_the_daemon;

/// Check the configuration and the files that it names, and verify the audit record
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox check --config /etc/deedbox/deedbox.toml\n\n\
                        It changes nothing and may run beside the daemon. Every mistake is reported at once.\n\n\
                        Exit code: 0 if sound, 1 if something was found, 2 if it could not be asked.")]
pub(crate) struct Check {
    /// Read every document too: catalog, blobs and audit record must bear each other out
    #[arg(long)]
    deep: bool,
}

impl Check {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        let settings = global.settings()?;
        if self.deep {
            return deep::run(&settings, mistakes(&settings, false));
        }
        let wrong = mistakes(&settings, true);
        let text = match wrong.len() {
            0 => "Everything is as it should be.\n".to_owned(),
            _ => wrong.iter().map(|line| format!("{line}\n")).collect(),
        };
        let sound = wrong.is_empty();
        Ok(Reply::new(&serde_json::json!({ "sound": sound, "wrong": wrong }), text)?.negative(!sound))
    }
}

/// What is wrong with the files that the configuration names, and with the audit record by itself.
fn mistakes(settings: &Settings, with_record: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut look = |what: &str, found: Result<(), String>| {
        if let Err(why) = found {
            wrong.push(format!("{what}: {why}"));
        }
    };
    look("data directory", private(settings.data.path()));
    look("keys", private(&settings.data.keys()));
    look("keys", Keyring::open(&settings.data.keys()).map(drop).map_err(|why| why.to_string()));
    if let Some(https) = &settings.https {
        look("https.key", private(&https.key));
        look("https.certificate", daemon::Certificate::read(https).map(drop).map_err(|why| why.to_string()));
    }
    if let Some(host_keys) = settings.host_keys() {
        host_keys.iter().for_each(|file| look("sftp.host_keys", private(file)));
        look("sftp.host_keys", host_public_keys(host_keys).map(drop).map_err(|why| why.to_string()));
    }
    look("sftp", read_ssh_trust(&settings.user_keys).map(drop).map_err(|why| why.to_string()));
    look("matter_types", matter_types(settings));
    look("mail", daemon::read_means(settings).map(drop).map_err(|wrong| wrong.join("\n")));
    look("guards", read_guards(settings).map(drop).map_err(|wrong| wrong.join("\n")));
    look("intake", read_intake(settings).map(drop).map_err(|wrong| wrong.join("\n")));
    if with_record {
        let log = settings.data.audit();
        look("audit", audit::verify(&log, None).map(drop).map_err(|why| why.to_string()));
    }
    wrong
}

/// Is it there, and closed to other users?
fn private(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|why| format!("{}: {why}", path.display()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(format!("{}: other users can get at it; `chmod go= {}`", path.display(), path.display()));
    }
    Ok(())
}

fn matter_types(settings: &Settings) -> Result<(), String> {
    let Some(folder) = &settings.matter_types else { return Ok(()) };
    read_folder(folder).map(drop).map_err(|wrong| wrong.join("\n"))
}
