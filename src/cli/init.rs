//! `deedbox init`: the data directory of a new firm.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::account;
use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use super::secret::Secret;
use super::setup::{make_certificates, make_host_keys, make_private_dir, write_private};
use super::staff::{self, StaffRole};
use super::{Global, runtime};
use crate::config::{self, DataDir, Settings};
use crate::daemon::Core;
use crate::keys::{Keyring, RecoveryRecipient};

/// The sample is the template: what a new firm gets is what the documentation shows.
const SAMPLE: &str = include_str!("../../config/deedbox.toml");

/// Make the data directory of a new firm: configuration, keys, certificates, first administrator
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox init /var/lib/deedbox --firm 'Example Law' --host box.example.com")]
pub(crate) struct Init {
    /// The directory; made if it is not there, refused if it is not empty
    dir: PathBuf,
    /// The firm's name
    #[arg(long, default_value = "The firm")]
    firm: String,
    /// A name or address under which clients reach the daemon; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Login of the first administrator
    #[arg(long, value_name = "LOGIN", default_value = "admin")]
    admin: String,
    /// Where to listen for SFTP
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:2022")]
    sftp: SocketAddr,
    /// Where to listen for WebDAV
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8443")]
    https: SocketAddr,
    /// Name of the audit log in its checkpoints [default: deedbox/ and eight random digits]
    #[arg(long)]
    origin: Option<String>,
    /// An age recipient (age1...) whose identity the firm keeps offline; it too can open each matter's key
    #[arg(long, value_name = "RECIPIENT")]
    recovery: Option<RecoveryRecipient>,
}

impl Init {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        if global.data.is_some() || global.config.is_some() {
            return Err(Problem::usage("`init` takes the directory alone: deedbox init DIR"));
        }
        let dir = std::path::absolute(&self.dir).doing(format_args!("find {}", self.dir.display()))?;
        let settings = make(
            &dir,
            &New {
                firm: &self.firm,
                hosts: &self.host,
                sftp: self.sftp,
                https: self.https,
                observe: None,
                origin: self.origin.as_deref(),
                recovery: self.recovery.clone(),
            },
        )?;
        let password = Secret::random_password();
        let (login, made) = (self.admin.clone(), password.clone());
        runtime()?.block_on(async {
            let core = Core::open(settings).await?;
            let operator = Operator::new(&core, &format!("uid {}", rustix::process::getuid().as_raw()));
            staff::Command::Add { login: login.clone(), role: StaffRole::Admin }.run(&operator).await?;
            account::Command::Password { login, stdin: false, password: Some(made) }.run(&operator).await?;
            core.close().await
        })?;
        let data = serde_json::json!({
            "data": dir, "config": DataDir::new(&dir).config(), "admin": self.admin, "password": password,
        });
        Reply::new(&data, next_steps(&dir, &self.admin, &password))
    }
}

/// What a new data directory is made with.
pub(super) struct New<'a> {
    pub(super) firm: &'a str,
    pub(super) hosts: &'a [String],
    pub(super) sftp: SocketAddr,
    pub(super) https: SocketAddr,
    /// Where to tell metrics and health, if not at the default.
    pub(super) observe: Option<SocketAddr>,
    /// The audit log's name, if the firm chose one.
    pub(super) origin: Option<&'a str>,
    pub(super) recovery: Option<RecoveryRecipient>,
}

/// Makes the directory with everything that the daemon needs to start. The configuration is written last: what has one is
/// whole.
pub(super) fn make(dir: &Path, new: &New<'_>) -> Result<Settings, Problem> {
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Problem::failed(format_args!(
            "{} is not empty; `init` makes a new data directory and changes none that is there",
            dir.display()
        )));
    }
    let data = DataDir::new(dir);
    // Checked before anything is made: a name may be wrong.
    let text = configuration(new)?;
    let settings = config::parse(&text, &data.config()).map_err(Problem::usage)?;
    for folder in std::iter::once(dir.to_owned()).chain(data.all()) {
        make_private_dir(&folder).doing(format_args!("make {}", folder.display()))?;
    }
    Keyring::create(&data.keys(), new.recovery.clone()).doing("make the firm's keys")?;
    make_host_keys(&data.ssh_keys())?;
    make_certificates(&data.certs(), new.firm, new.hosts)?;
    write_private(&data.config(), text.as_bytes()).doing("write the configuration")?;
    Ok(settings)
}

/// The sample configuration with this firm's values in it.
fn configuration(new: &New<'_>) -> Result<String, Problem> {
    let origin = match new.origin {
        Some(origin) => origin.to_owned(),
        None => {
            let mut bytes = [0u8; 4];
            getrandom::fill(&mut bytes).doing("get random bytes")?;
            format!("deedbox/{}", hex::encode(bytes))
        }
    };
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut section = "";
    let mut text = String::with_capacity(SAMPLE.len() + 256);
    for line in SAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        }
        let key = line.strip_prefix("#: ").unwrap_or(line).split(" = ").next().unwrap_or("");
        let value = match (section, key) {
            ("", "firm") => Some(new.firm.to_owned()),
            ("sftp", "listen") => Some(new.sftp.to_string()),
            ("https", "listen") => Some(new.https.to_string()),
            ("observe", "listen") => new.observe.map(|address| address.to_string()),
            ("audit", "origin") => Some(origin.clone()),
            _ => None,
        };
        match value {
            Some(value) => text.push_str(&format!("{key} = {}\n", quoted(&value))),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    Ok(text)
}

fn next_steps(dir: &Path, admin: &str, password: &Secret) -> String {
    let dir = dir.display();
    let password = password.expose();
    format!(
        "\
{dir} is ready.

The first administrator is {admin} with the password {password}
It is shown this once.

Now:
  1. Look over {dir}/deedbox.toml. Clients must trust {dir}/certs/ca.pem, or put a certificate of
     your own there.
  2. Copy {dir}/keys/firm.key to a safe place off this machine. Without it nobody can open the documents.
  3. Copy {dir}/audit/public.key to whoever shall be able to check the audit record.
  4. deedbox serve --config {dir}/deedbox.toml
  5. deedbox matter-type apply policies/general.toml --data {dir}
     deedbox matter add 2026-0001 'Purchase of 12 High Street' --type General --data {dir}
     deedbox contact add 'Client One' --email client.one@example.com --data {dir}
     deedbox participant add --matter 2026-0001 --contact client.one@example.com --type client --data {dir}
     deedbox access grant --matter 2026-0001 --contact client.one@example.com --data {dir}
     deedbox account password client.one@example.com --data {dir}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_configuration_says_what_was_asked_and_is_valid() {
        let new = New {
            firm: "O'Brien & \"Sons\"",
            hosts: &[],
            sftp: "127.0.0.1:0".parse().expect("an address"),
            https: "[::1]:443".parse().expect("an address"),
            observe: Some("127.0.0.1:0".parse().expect("an address")),
            origin: None,
            recovery: None,
        };
        let text = configuration(&new).expect("written");
        let settings = config::parse(&text, Path::new("/srv/box/deedbox.toml")).expect("valid");
        assert_eq!(settings.firm, new.firm);
        assert_eq!(settings.sftp.expect("on").listen, new.sftp);
        assert_eq!(settings.https.expect("on").listen, new.https);
        assert_eq!(settings.observe, new.observe);
        assert!(settings.audit_origin.starts_with("deedbox/"));
        assert_eq!(settings.data.path(), Path::new("/srv/box"));
    }

    #[test]
    fn a_directory_with_something_in_it_is_left_alone() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("letter.txt"), "mine").expect("written");
        let address = "127.0.0.1:0".parse().expect("an address");
        let new =
            New { firm: "F", hosts: &[], sftp: address, https: address, observe: None, origin: None, recovery: None };
        assert!(make(dir.path(), &new).expect_err("refused").message.contains("not empty"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }
}
