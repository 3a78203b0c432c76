//! `deedbox policy explain`: the decision that would be taken, with the rows and the guard that decide it.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::operator::Operator;
use crate::cli::problem::Problem;
use crate::cli::reply::Reply;
use crate::gate::WhatIf;
use crate::names::{AuthMethod, DocPath, Front, Timestamp, Verb};
use crate::policy::guards::Asker;
use crate::practice::Account;
use crate::vfs::Vfs;

/// Print whether a login may do something at a path, and the rows and the guard that decide it
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(after_help = "Example: deedbox policy explain --login client.one@example.com --verb read \
                        --path '/2026-0001 Purchase of 12 High Street/Documents/From us' --from 203.0.113.7 --at \
                        2026-12-24T23:00:00+01:00 --data /srv/deedbox\n\n\
                        What is not said about a login is taken to be: over SFTP with a key, from 127.0.0.1, now, without a \
                        second factor.\n\n\
                        Exit code: 0 if allowed, 1 if not.")]
pub(crate) struct Explain {
    /// The login
    #[arg(long)]
    login: String,
    /// list, read, create, update or delete
    #[arg(long)]
    verb: Verb,
    /// A folder or document, as the login sees it
    #[arg(long)]
    path: String,
    /// What if it came from this address
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    from: IpAddr,
    /// What if it came this way: sftp, webdav or web
    #[arg(long, value_name = "WORD", default_value = "sftp")]
    front: Front,
    /// What if it had logged in by this: publickey or password [default: what is usual there]
    #[arg(long, value_name = "WORD")]
    auth: Option<AuthMethod>,
    /// What if a second factor had been proven
    #[arg(long)]
    second_factor: bool,
    /// What if it were this time, such as 2026-12-24T23:00:00+01:00 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// What if the document had so many bytes [default: as many as it has]
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        "a time is written with its offset, such as 2026-12-24T23:00:00+01:00 or 2026-12-24T22:00:00Z".to_owned()
    })?;
    Ok(Timestamp::from_millis(time.as_millisecond()))
}

impl Explain {
    fn what_if(&self, account: &Account) -> WhatIf {
        let usual = if self.front == Front::Sftp { AuthMethod::PublicKey } else { AuthMethod::Password };
        let asker = Asker {
            address: Some(self.from),
            front: self.front,
            auth: self.auth.unwrap_or(usual),
            second_factor: self.second_factor,
            role: account.role,
        };
        WhatIf { asker, at: self.at, size: self.size }
    }

    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let account = operator.account(&self.login)?;
        let path = DocPath::parse(self.path.as_bytes()).map_err(|why| Problem::usage(format_args!("--path: {why}")))?;
        let (who, at, verb, what_if) = (account.clone(), path.clone(), self.verb, self.what_if(&account));
        let look = move |vfs: &Vfs, permit: &_| vfs.explain(permit, &who, verb, &at, &what_if);
        let explained = operator.inspect(("policy explain", &account.login, None), look).await?;
        let mut text = format!("{}: {} {verb} {path}\n", explained.answer, account.login);
        explained.because.iter().for_each(|why| text.push_str(&format!("  because {why}\n")));
        text.push_str(&format!("  rights there: {}\n", explained.rights));
        let data = serde_json::json!({
            "login": account.login, "role": account.role, "verb": verb, "path": path.to_string(),
            "allowed": explained.allowed, "answer": explained.answer, "rights": explained.rights.to_string(),
            "because": explained.because, "guard": explained.guard,
        });
        Ok(Reply::new(&data, text)?.negative(!explained.allowed))
    }
}
