//! The control socket: one line of JSON in, one line of JSON out.
//!
//! Whoever may open the socket is the operator. The folder above it is private (0700), the socket itself is (0600), and
//! the kernel's word on who is at the other end (SO_PEERCRED) is asked besides: root and the daemon's own user, nobody
//! else. Every request runs in a session of the gate like anybody's and is in the audit record before its effect.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use super::{
    access, account, contact, device, document, firm, folder, intake, key, lock, mail, matter, matter_type, message,
    participant, policy, quota, session, staff,
};
use crate::daemon::Core;

/// The longest request: a matter type of a few hundred folders has room many times over.
const MAX_REQUEST_BYTES: u64 = 4 << 20;
/// The longest answer: the documents of a matter with 100,000 of them.
const MAX_RESPONSE_BYTES: u64 = 256 << 20;
/// From the connection to the whole request.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// For a client to take the answer.
const RESPONSE_TIME: Duration = Duration::from_secs(60);
/// Requests at a time; more wait in the socket's backlog.
const MAX_AT_ONCE: usize = 16;

/// Everything that can be asked of a data directory, whoever works on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// How the daemon is.
    Status,
    /// Read the configuration again.
    Reload,
    /// `check --deep`
    CheckDeep,
    /// `firm ...`
    Firm(firm::Command),
    /// `matter-type ...`
    MatterType(matter_type::Command),
    /// `matter ...`
    Matter(matter::Command),
    /// `contact ...`
    Contact(contact::Command),
    /// `participant ...`
    Participant(participant::Command),
    /// `access ...`
    Access(access::Command),
    /// `device ...`
    Device(device::Command),
    /// `staff ...`
    Staff(staff::Command),
    /// `account ...`
    Account(account::Command),
    /// `session ...`
    Session(session::Command),
    /// `key ...`
    Key(key::Command),
    /// `document ...`
    Document(document::Command),
    /// `folder ...`
    Folder(folder::Command),
    /// `mail ...`
    Mail(mail::Command),
    /// `message ...`
    Message(message::Command),
    /// `intake ...`
    Intake(intake::Command),
    /// `lock ...`
    Lock(lock::Command),
    /// `quota ...`
    Quota(quota::Command),
    /// `policy explain`
    Policy(policy::Explain),
}

/// What comes back over the socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Response {
    /// Done.
    Reply(Reply),
    /// Not done.
    Problem(Problem),
}

/// Opens the socket. A socket that a dead daemon left behind is taken away first: the directory lock says that it is dead.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, Problem> {
    let doing = format!("open the control socket {}", path.display());
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).doing(doing),
        _ => {}
    }
    // The folder is 0700, so nobody can come in between bind and chmod.
    let listener = UnixListener::bind(path).doing(&doing)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).doing(&doing)?;
    Ok(listener)
}

/// Answers until `stop` turns true.
pub(crate) async fn serve(listener: UnixListener, core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(MAX_AT_ONCE));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file handles, most likely: others give some back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let core = core.clone();
        tokio::spawn(async move {
            if let Err(cause) = answer(stream, &core).await {
                tracing::debug!(%cause, "a control connection ended early");
            }
            drop(slot);
        });
    }
}

async fn answer(stream: UnixStream, core: &Core) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    let own = rustix::process::geteuid().as_raw();
    let response = if peer.uid() != 0 && peer.uid() != own {
        tracing::warn!(uid = peer.uid(), "somebody else tried the control socket");
        Response::Problem(Problem::failed("only root and the daemon's own user may use the control socket"))
    } else {
        let (from, to) = (format!("uid {}", peer.uid()), stream);
        return respond(to, core, &from).await;
    };
    write(stream, &response).await
}

async fn respond(mut stream: UnixStream, core: &Core, from: &str) -> io::Result<()> {
    let mut line = zeroize::Zeroizing::new(Vec::new());
    let read = async {
        let (input, _) = stream.split();
        BufReader::new(input.take(MAX_REQUEST_BYTES)).read_until(b'\n', &mut line).await
    };
    tokio::time::timeout(REQUEST_TIME, read).await??;
    let response = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => match super::dispatch(core, from, request).await {
            Ok(reply) => Response::Reply(reply),
            Err(problem) => Response::Problem(problem),
        },
        Err(cause) => Response::Problem(Problem::usage(format_args!(
            "the daemon does not understand the request ({cause}); use the `deedbox` of the daemon's own version"
        ))),
    };
    write(stream, &response).await
}

async fn write(mut stream: UnixStream, response: &Response) -> io::Result<()> {
    let mut line = zeroize::Zeroizing::new(serde_json::to_vec(response)?);
    line.push(b'\n');
    tokio::time::timeout(RESPONSE_TIME, stream.write_all(&line)).await??;
    stream.shutdown().await
}

/// Asks the daemon at this socket. Nothing if no daemon is there.
pub(crate) async fn ask(path: &Path, request: &Request) -> Option<Result<Reply, Problem>> {
    let stream = UnixStream::connect(path).await.ok()?;
    Some(exchange(stream, request).await)
}

async fn exchange(mut stream: UnixStream, request: &Request) -> Result<Reply, Problem> {
    let doing = "talk to the daemon";
    let mut line = zeroize::Zeroizing::new(serde_json::to_vec(request).doing(doing)?);
    line.push(b'\n');
    if line.len() as u64 > MAX_REQUEST_BYTES {
        return Err(Problem::usage("the input is too large"));
    }
    stream.write_all(&line).await.doing(doing)?;
    let mut answer = zeroize::Zeroizing::new(Vec::new());
    let (input, _) = stream.split();
    input.take(MAX_RESPONSE_BYTES).read_to_end(&mut answer).await.doing(doing)?;
    if answer.is_empty() {
        return Err(Problem::failed("the daemon ended before it answered"));
    }
    match serde_json::from_slice(&answer).doing("understand the daemon's answer")? {
        Response::Reply(reply) => Ok(reply),
        Response::Problem(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::secret::Secret;

    #[test]
    fn requests_survive_the_wire_as_one_line() {
        let requests = [
            Request::Status,
            Request::Matter(matter::Command::List),
            Request::Account(account::Command::Password {
                login: "client.one@example.com".to_owned(),
                stdin: true,
                password: Some(Secret::new("two\nlines".to_owned())),
            }),
            Request::MatterType(matter_type::Command::Apply {
                file: "a.toml".into(),
                if_version: Some(3),
                text: "name = \"A\"\n".to_owned(),
            }),
        ];
        for request in requests {
            let line = serde_json::to_string(&request).expect("written");
            assert!(!line.contains('\n'));
            let back: Request = serde_json::from_str(&line).expect("read");
            assert_eq!(serde_json::to_string(&back).expect("written"), line);
        }
    }

    #[test]
    fn a_request_of_another_version_is_no_request() {
        for line in ["", "{}", "\"matter\"", "{\"matter\":{\"burn\":{}}}", "{\"matter\":{\"add\":{\"number\":1}}}"] {
            assert!(serde_json::from_str::<Request>(line).is_err(), "{line}");
        }
    }
}
