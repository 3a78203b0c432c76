//! `deedbox account`: logins and what opens them.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::link::Sent;
use super::operator::{Operator, blocking};
use super::problem::{Doing as _, Problem};
use super::prompt;
use super::receipts::Receipts;
use super::reply::{Reply, Table, printable};
use super::restriction::Restrict;
use super::secret::Secret;
use super::{api_token, device_password, second_factor};
use crate::gate::{self, passwords};
use crate::names::Role;
use crate::practice::{Account, AccountKey, LinkPurpose, Practice, Restriction};

/// A public key is one short line; RSA with 16,384 bits has 2.8 KB.
const MAX_KEY_FILE_BYTES: u64 = 16 << 10;

/// Logins: passwords, SSH keys, second factors, disabling
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Set a password: a random one, printed once, or one read from standard input
    #[command(after_help = "Example: deedbox account password client.one@example.com --data /srv/deedbox\n\
                            Or:      deedbox account password client.one@example.com --stdin --data /srv/deedbox \
                            < password.txt")]
    Password {
        /// The login
        login: String,
        /// Read the password from standard input
        #[arg(long)]
        stdin: bool,
        #[arg(skip)]
        #[serde(default)]
        password: Option<Secret>,
    },
    /// Send a person a single-use link, good for two hours, with which they set another password
    #[command(after_help = "Example: deedbox account reset client.one@example.com --data /srv/deedbox")]
    Reset {
        /// The login, which is the address
        login: String,
        #[command(flatten)]
        sent: Sent,
    },
    /// SSH public keys
    #[command(subcommand)]
    Key(Key),
    #[command(subcommand)]
    SecondFactor(second_factor::Command),
    #[command(subcommand)]
    DevicePassword(device_password::Command),
    #[command(subcommand)]
    Token(api_token::Command),
    /// List the accounts
    #[command(after_help = "Example: deedbox account list --data /srv/deedbox --json")]
    List,
    Receipts(Receipts),
    Restrict(Restrict),
    /// Let nobody in with this login, and end its open sessions
    #[command(after_help = "Example: deedbox account disable client.one@example.com --data /srv/deedbox")]
    Disable {
        /// The login
        login: String,
    },
    /// Let a disabled login in again
    #[command(after_help = "Example: deedbox account enable client.one@example.com --data /srv/deedbox")]
    Enable {
        /// The login
        login: String,
    },
}

/// SSH public keys of an account
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Key {
    /// Let the login in with the key in this file
    #[command(after_help = "Example: deedbox account key add scanner.one scanner.pub --data /srv/deedbox")]
    Add {
        /// The login
        login: String,
        /// The public key, as `ssh-keygen` writes it; `-` is standard input
        file: PathBuf,
        #[arg(skip)]
        #[serde(default)]
        key: String,
    },
    /// Take a key away, and end the sessions that it opened
    #[command(after_help = "Example: deedbox account key remove scanner.one SHA256:EXAMPLE --data /srv/deedbox\n\n\
                            `account key list` shows the fingerprints.")]
    Remove {
        /// The login
        login: String,
        /// The key's fingerprint, as `account key list` and `ssh-keygen -l` show it
        fingerprint: String,
    },
    /// List the keys of a login
    #[command(after_help = "Example: deedbox account key list scanner.one --data /srv/deedbox")]
    List {
        /// The login
        login: String,
    },
}

impl Command {
    /// Reads passwords and key files where the person is, not where the daemon is.
    pub(crate) fn prepare(mut self) -> Result<Self, Problem> {
        match &mut self {
            Self::Password { stdin: true, password, login } => *password = Some(prompt::password_from_stdin(login)?),
            Self::Key(Key::Add { file, key, .. }) => *key = read_key(file)?,
            _ => {}
        }
        Ok(self)
    }
}

fn read_key(file: &PathBuf) -> Result<String, Problem> {
    let doing = format!("read {}", file.display());
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_KEY_FILE_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text))
    };
    read.doing(doing)?;
    if text.contains("PRIVATE KEY") {
        return Err(Problem::usage(format_args!(
            "{} holds a private key; keep it secret and name the public one, usually {}.pub",
            file.display(),
            file.display()
        )));
    }
    Ok(text.trim().to_owned())
}

/// An account in answers.
#[derive(Debug, Serialize)]
struct Shown {
    login: String,
    role: Role,
    enabled: bool,
    password: bool,
    keys: usize,
    second_factor: bool,
    device_passwords: usize,
    #[serde(flatten)]
    restriction: Restriction,
    receipts: bool,
    created: String,
}

/// An SSH key in answers.
#[derive(Debug, Serialize)]
struct ShownKey {
    fingerprint: String,
    key: String,
    added: String,
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Password { login, password, stdin: _ } => set_password(operator, &login, password).await,
            Self::Reset { login, sent } => reset(operator, &login, &sent).await,
            Self::Key(key) => key.run(operator).await,
            Self::SecondFactor(command) => command.run(operator).await,
            Self::DevicePassword(command) => command.run(operator).await,
            Self::Token(command) => command.run(operator).await,
            Self::List => {
                operator.look("account list", "", None).await?;
                let all: Vec<_> = operator.firm().accounts().iter().map(|account| shown(account)).collect();
                let mut table = Table::new(&["LOGIN", "ROLE", "STATE", "PASSWORD", "KEYS", "CODE", "DEVICES", "ONLY"]);
                for account in &all {
                    let state = if account.enabled { "enabled" } else { "disabled" }.to_owned();
                    let password = if account.password { "set" } else { "-" }.to_owned();
                    let (role, keys) = (account.role.to_string(), account.keys.to_string());
                    let code = if account.second_factor { "yes" } else { "-" }.to_owned();
                    let devices = account.device_passwords.to_string();
                    let only =
                        if account.restriction.is_none() { "-".to_owned() } else { account.restriction.to_string() };
                    table.row([account.login.clone(), role, state, password, keys, code, devices, only]);
                }
                Reply::new(&all, table)
            }
            Self::Receipts(receipts) => receipts.run(operator).await,
            Self::Restrict(restrict) => restrict.run(operator).await,
            Self::Disable { login } => enable(operator, &login, false).await,
            Self::Enable { login } => enable(operator, &login, true).await,
        }
    }
}

impl Key {
    async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        match self {
            Self::Add { login, key, file: _ } => {
                let login = operator.account(&login)?.login.clone();
                let name = login.clone();
                let change = move |practice: &Practice, permit| practice.add_key(permit, &name, &key);
                let account = operator.change(("account key add", &login, None), change).await?;
                let keys: Vec<_> = account.keys.iter().map(shown_key).collect();
                let newest = keys.last().map_or("", |key| key.fingerprint.as_str());
                let text = format!("{login} may come in with the key {newest}.\n");
                Reply::new(&keys.last(), text)
            }
            Self::Remove { login, fingerprint } => {
                let login = operator.account(&login)?.login.clone();
                let (who, which, subject) = (login.clone(), fingerprint.clone(), format!("{login}: {fingerprint}"));
                let change = move |practice: &Practice, permit| practice.remove_key(permit, &who, &which);
                operator.change(("account key remove", &subject, None), change).await?;
                let text = format!("The key {} of {login} opens nothing any more.\n", printable(&fingerprint));
                Reply::new(&serde_json::json!({ "login": login, "removed": fingerprint }), text)
            }
            Self::List { login } => {
                let account = operator.account(&login)?;
                operator.look("account key list", &account.login, None).await?;
                let keys: Vec<_> = account.keys.iter().map(shown_key).collect();
                let text: String =
                    keys.iter().map(|key| format!("{}  {}\n", key.fingerprint, printable(&key.key))).collect();
                Reply::new(&keys, text)
            }
        }
    }
}

async fn set_password(operator: &Operator<'_>, login: &str, given: Option<Secret>) -> Result<Reply, Problem> {
    let account = operator.account(login)?;
    let made = given.is_none();
    let password = given.unwrap_or_else(Secret::random_password);
    let plain = password.clone();
    let hash = blocking(move || passwords::hash(plain.expose())).await?.map_err(Problem::failed)?;
    let name = account.login.clone();
    let change = move |practice: &Practice, permit| practice.set_password(permit, &name, hash);
    operator.change(("account password", &account.login, None), change).await?;
    let login = &account.login;
    if made {
        let text = format!("The password of {login} is {} ; it is shown this once.\n", password.expose());
        return Reply::new(&serde_json::json!({ "login": login, "password": password }), text);
    }
    Reply::new(&serde_json::json!({ "login": login }), format!("The password of {login} is set.\n"))
}

async fn reset(operator: &Operator<'_>, login: &str, sent: &Sent) -> Result<Reply, Problem> {
    let login = operator.account(login)?.login.clone();
    let link = Arc::new(sent.link(operator, gate::RESET_LIFE)?);
    let (name, new) = (login.clone(), link.clone());
    let change = move |practice: &Practice, permit| practice.send_reset(permit, &name, &new);
    operator.change(("account reset", &login, None), change).await?;
    let url = sent.shown(operator, LinkPurpose::Reset, &link);
    let text = match &url {
        Some(url) => {
            format!("Until {} this link sets the password of {login}, once:\n{}\n", link.expires, url.expose())
        }
        None => format!("A link to set another password is on its way to {login}.\n"),
    };
    Reply::new(&serde_json::json!({ "login": login, "link": url, "expires": link.expires.to_string() }), text)
}

async fn enable(operator: &Operator<'_>, login: &str, on: bool) -> Result<Reply, Problem> {
    let account = operator.account(login)?;
    let name = account.login.clone();
    let verb = if on { "account enable" } else { "account disable" };
    let change = move |practice: &Practice, permit| practice.set_enabled(permit, &name, on);
    operator.change((verb, &account.login, None), change).await?;
    let text = match on {
        true => format!("{} may come in again.\n", account.login),
        false => format!("{} may not come in any more; open sessions are ended.\n", account.login),
    };
    Reply::new(&shown(&*operator.account(login)?), text)
}

fn shown(account: &Account) -> Shown {
    Shown {
        login: account.login.clone(),
        role: account.role,
        enabled: account.enabled,
        password: account.password.is_some(),
        keys: account.keys.len(),
        second_factor: account.second_factor.is_some(),
        device_passwords: account.device_passwords.len(),
        restriction: account.restriction.clone(),
        receipts: account.receipts,
        created: account.created.to_string(),
    }
}

fn shown_key(key: &AccountKey) -> ShownKey {
    ShownKey { fingerprint: key.fingerprint(), key: key.text.clone(), added: key.added.to_string() }
}
