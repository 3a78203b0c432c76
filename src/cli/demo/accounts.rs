//! The sample firm's logins: random per data directory, kept in it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cli::problem::{Doing as _, Problem};
use crate::cli::secret::Secret;
use crate::cli::setup::{make_private_dir, make_user_key, write_private};
use crate::config::DataDir;

/// Login and role of each account.
const LOGINS: [(&str, &str); 6] = [
    ("client.one@example.com", "client"),
    ("client.two@example.com", "client"),
    ("expert.one@example.com", "expert"),
    ("scanner.one", "device"),
    ("staff.one@example.com", "staff"),
    ("admin.one@example.com", "admin"),
];

/// One login and what opens it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
    pub(super) role: String,
    pub(super) password: Secret,
    pub(super) private_key_file: PathBuf,
}

/// All of them, and whether the firm around them stands.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Accounts {
    /// False until the sample firm was made as a whole; it is then made again, keeping what is there.
    pub(super) complete: bool,
    pub(super) accounts: Vec<Account>,
}

impl Accounts {
    /// Where they are kept, in plain text: a demo is no place for secrets.
    pub(super) fn file(data: &DataDir) -> PathBuf {
        data.path().join("demo-accounts.json")
    }

    /// Reads them, or makes passwords and writes them down before anything depends on them.
    pub(super) fn load_or_make(data: &DataDir) -> Result<Self, Problem> {
        let file = Self::file(data);
        if file.exists() {
            let text = std::fs::read(&file).doing(format_args!("read {}", file.display()))?;
            let mut accounts: Self =
                serde_json::from_slice(&text).doing(format_args!("understand {}", file.display()))?;
            // The directory may have been moved since.
            accounts.accounts.iter_mut().for_each(|one| one.private_key_file = key_file(data, &one.login));
            return Ok(accounts);
        }
        let account = |(login, role): (&str, &str)| Account {
            login: login.to_owned(),
            role: role.to_owned(),
            password: Secret::random_password(),
            private_key_file: key_file(data, login),
        };
        let accounts = Self { complete: false, accounts: LOGINS.map(account).into() };
        accounts.save(data)?;
        Ok(accounts)
    }

    /// Writes them down.
    pub(super) fn save(&self, data: &DataDir) -> Result<(), Problem> {
        let text = serde_json::to_vec_pretty(self).doing("write the demo's accounts")?;
        write_private(&Self::file(data), &text).doing("write the demo's accounts")
    }
}

impl Account {
    /// The public half of its SSH key, which is made if it is not there.
    pub(super) fn public_key(&self) -> Result<String, Problem> {
        if let Some(folder) = self.private_key_file.parent() {
            make_private_dir(folder).doing(format_args!("make {}", folder.display()))?;
        }
        make_user_key(&self.private_key_file, &self.login)
    }
}

fn key_file(data: &DataDir, login: &str) -> PathBuf {
    data.path().join("demo-keys").join(login)
}
