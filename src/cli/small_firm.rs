//! A small firm in a temporary directory, for the fuzz target of SFTP's state machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::init::{self, New};
use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::secret::Secret;
use super::staff::{self, StaffRole};
use super::{account, demo, matter, matter_type, runtime};
use crate::config::Limits;
use crate::daemon::Core;
use crate::gate::{Login, Session};
use crate::names::Front;

const TYPE: &str =
    "name = \"T\"\nparticipants = [\"client\"]\n[[folder]]\npath = \"Documents/f\"\nrows = { client = \"full\" }\n";
/// Bytes of the longest document: what an input can make of one is sealed whole.
const LONGEST: u64 = 1 << 20;

/// Open, with the runtime that it runs on.
pub(crate) struct SmallFirm {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) core: Core,
    pub(crate) session: Arc<Session>,
    pub(crate) limits: Limits,
}

/// Makes one in which a member of staff has logged in over SFTP; its one matter has the folder `/1 m/Documents/f`.
pub(crate) fn open_small_firm() -> Result<SmallFirm, Problem> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let new = New {
        firm: "F",
        hosts: &["f".to_owned()],
        sftp: nowhere,
        https: nowhere,
        observe: None,
        origin: None,
        recovery: None,
    };
    let mut settings = init::make(&demo::fresh_directory()?, &new)?;
    settings.limits.upload_bytes = LONGEST;
    let limits = settings.limits;
    let runtime = runtime()?;
    let (core, session) = runtime.block_on(async {
        let core = Core::open(settings).await?;
        let operator = Operator::new(&core, "fuzz");
        let (login, password) = ("s".to_owned(), Secret::random_password());
        staff::Command::Add { login: login.clone(), role: StaffRole::Staff }.run(&operator).await?;
        let given = Some(password.clone());
        account::Command::Password { login: login.clone(), stdin: false, password: given }.run(&operator).await?;
        let text = TYPE.to_owned();
        matter_type::Command::Apply { file: "t.toml".into(), if_version: None, text }.run(&operator).await?;
        let (number, name, matter_type) = ("1".to_owned(), "m".to_owned(), "T".to_owned());
        matter::Command::Add { number, name, matter_type, owner: None }.run(&operator).await?;
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let login = core.gate().login_password(Front::Sftp.into(), here, &login, password.expose()).await;
        match login.doing("log in")? {
            Login::Done(session) => Ok((core, session)),
            Login::NeedsCode(_) => Err(Problem::failed("a code is asked for")),
        }
    })?;
    Ok(SmallFirm { runtime, core, session, limits })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use bytes::Bytes;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::cli::session;
    use crate::names::DocPath;
    use crate::vfs::{Error, Existing, Fetched, WriteOptions};

    #[test]
    fn a_right_that_is_lost_while_the_record_is_on_its_way_withholds_what_was_fetched() {
        let firm = open_small_firm().expect("a firm");
        firm.runtime.block_on(async {
            let view = firm.core.vfs().view(&firm.session);
            let path = DocPath::parse(b"/1 m/Documents/f/small.txt").expect("a path");
            let options = WriteOptions { create: true, existing: Existing::Refuse, expect_version: None };
            let writing = view.write(&path, options).await.expect("begun");
            writing.append(Bytes::from_static(b"for staff")).await.expect("taken");
            writing.commit().await.expect("stored");
            // From memory from here on: what is polled once waits for nothing but the record.
            let fetched = view.fetch(&path).await.expect("fetched");
            assert!(matches!(fetched, Fetched::Whole(_, bytes) if bytes == b"for staff"[..]));

            let mut fetching = pin!(view.fetch(&path));
            assert!(fetching.as_mut().now_or_never().is_none(), "there before its record");
            let of_all = session::Command::End(session::Whose::of_login("s"));
            of_all.run(&Operator::new(&firm.core, "test")).await.expect("ended");
            assert!(matches!(fetching.await, Err(Error::Revoked)));
        });
    }
}
