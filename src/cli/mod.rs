//! The command line: one file per noun.
//!
//! A verb that concerns a data directory becomes a [`control::Request`]. If a daemon works on the directory, the request
//! goes to its control socket; if none does, this process takes the directory's lock, opens it and serves the request
//! itself, by the same code ([`dispatch`]). Verbs over the audit record read its files alone and need neither.
//!
//! Exit codes: 0 done; 1 not done, or the answer is a no; 2 the command line, the configuration or an input is wrong.

mod access;
mod account;
mod api_token;
mod audit;
mod catalog;
mod check;
mod contact;
mod control;
mod demo;
mod device;
mod device_password;
mod dir_lock;
mod document;
mod firm;
mod folder;
mod init;
mod intake;
mod key;
mod link;
mod lock;
mod mail;
mod matter;
mod matter_activity;
mod matter_folders;
mod matter_type;
mod message;
mod operator;
mod participant;
mod policy;
mod problem;
mod prompt;
mod quota;
mod receipts;
mod reload;
mod reply;
mod restriction;
mod second_factor;
mod secret;
mod serve;
mod session;
mod setup;
mod small_firm;
mod staff;
mod status;
mod stored;
mod switch;
mod type_push;
mod whom;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, CommandFactory as _, Parser, Subcommand};

pub(crate) use control::{Request, bind as bind_control, serve as serve_control};
pub(crate) use dir_lock::DirLock;
pub(crate) use intake::read_intake;
pub(crate) use matter_type::{MatterTypeFile, apply_folder as apply_matter_types, read_folder as read_matter_types};
pub(crate) use operator::{Operator, blocking};
pub(crate) use policy::read_guards;
pub(crate) use problem::{Doing, Problem};
use reply::Reply;
pub(crate) use setup::{make_private_dir, read_host_keys, read_ssh_trust};
pub(crate) use small_firm::{SmallFirm, open_small_firm};

use crate::config::{self, DataDir, Settings};
use crate::daemon::Core;

/// How long a verb waits for a data directory that somebody else has locked.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Parser)]
#[command(
    name = "deedbox",
    version,
    about = "A client document gateway: matter folders over WebDAV and SFTP, permitted, encrypted and recorded",
    after_help = "Example: deedbox demo\n\nExit codes: 0 done; 1 not done, or the answer is a no; 2 the command line, the \
                  configuration or an input is wrong.",
    disable_help_subcommand = true,
    max_term_width = 120
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Which data directory, and how to answer.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// The data directory; its configuration is DIR/deedbox.toml
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file, which names the data directory
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON, on one line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    Check(check::Check),
    Status(status::Status),
    Reload(reload::Reload),
    #[command(subcommand)]
    Firm(firm::Command),
    #[command(subcommand)]
    MatterType(matter_type::Command),
    #[command(subcommand)]
    Matter(matter::Command),
    #[command(subcommand)]
    Contact(contact::Command),
    #[command(subcommand)]
    Participant(participant::Command),
    #[command(subcommand)]
    Access(access::Command),
    #[command(subcommand)]
    Device(device::Command),
    #[command(subcommand)]
    Staff(staff::Command),
    #[command(subcommand)]
    Account(account::Command),
    #[command(subcommand)]
    Session(session::Command),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Document(document::Command),
    #[command(subcommand)]
    Folder(folder::Command),
    #[command(subcommand)]
    Message(message::Command),
    #[command(subcommand)]
    Intake(intake::Command),
    #[command(subcommand)]
    Lock(lock::Command),
    #[command(subcommand)]
    Quota(quota::Command),
    #[command(subcommand)]
    Policy(policy::Command),
    #[command(subcommand)]
    Mail(mail::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(subcommand)]
    Catalog(catalog::Command),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let Cli { global, verb } = Cli::parse();
    let json = global.json;
    let outcome = run(global, verb);
    match outcome {
        Ok(reply) => print(&reply, json),
        Err(problem) => {
            if json {
                let line = serde_json::json!({ "error": &problem });
                // With standard error gone there is nobody left to tell.
                let _ = writeln!(std::io::stderr(), "{line}");
            } else {
                let _ = writeln!(std::io::stderr(), "deedbox: {problem}");
            }
            ExitCode::from(problem.exit_code())
        }
    }
}

fn print(reply: &Reply, json: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = match json {
        true if reply.data.is_null() => Ok(()),
        true => writeln!(out, "{}", reply.data),
        false => out.write_all(reply.text.as_bytes()),
    };
    // A reader that has seen enough (`| head`) closes the pipe: no failure.
    let written = written.and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::from(1),
        _ => ExitCode::from(u8::from(reply.negative)),
    }
}

fn run(global: Global, verb: Verb) -> Result<Reply, Problem> {
    let request = match verb {
        Verb::Demo(demo) => return demo.run(&global),
        Verb::Init(init) => return init.run(&global),
        Verb::Serve(serve) => return serve.run(&global),
        Verb::Check(check) => return check.run(&global),
        Verb::Audit(command) => return command.run(&global),
        Verb::Catalog(command) => return command.run(&global),
        Verb::Reload(reload) => return reload.run(&global),
        Verb::Status(status::Status {}) => Request::Status,
        Verb::Firm(command) => Request::Firm(command),
        Verb::MatterType(command) => Request::MatterType(command.prepare()?),
        Verb::Matter(command) => match command.export(&global) {
            Ok(command) => Request::Matter(command),
            Err(exported) => return exported,
        },
        Verb::Contact(command) => Request::Contact(command),
        Verb::Participant(command) => Request::Participant(command),
        Verb::Access(command) => Request::Access(command),
        Verb::Device(command) => Request::Device(command),
        Verb::Staff(command) => Request::Staff(command),
        Verb::Account(command) => Request::Account(command.prepare()?),
        Verb::Session(command) => Request::Session(command),
        Verb::Key(command) => Request::Key(command),
        Verb::Document(command) => Request::Document(command),
        Verb::Folder(command) => Request::Folder(command),
        Verb::Mail(command) => Request::Mail(command),
        Verb::Message(command) => Request::Message(command),
        Verb::Lock(command) => Request::Lock(command),
        Verb::Quota(command) => Request::Quota(command),
        Verb::Intake(command) => match command.prepare(&global)? {
            Ok(command) => Request::Intake(command),
            Err(answered) => return Ok(answered),
        },
        Verb::Policy(command) => match command.prepare()? {
            Ok(explain) => Request::Policy(explain),
            Err(answered) => return Ok(answered),
        },
    };
    global.execute(request)
}

impl Global {
    /// Whether the command line names a data directory at all.
    fn names_data(&self) -> bool {
        self.data.is_some() || self.config.is_some()
    }

    /// The settings that `--data` or `--config` name.
    pub(crate) fn settings(&self) -> Result<Settings, Problem> {
        let mut settings = match (&self.config, &self.data) {
            (Some(file), _) => config::load(file).map_err(Problem::usage)?,
            (None, Some(dir)) => {
                let file = DataDir::new(dir).config();
                if !file.exists() {
                    return Err(Problem::usage(format_args!(
                        "{} is no data directory ({} is missing); `deedbox init {}` makes one",
                        dir.display(),
                        file.display(),
                        dir.display()
                    )));
                }
                config::load(&file).map_err(Problem::usage)?
            }
            (None, None) => {
                let hint = "which data directory? Say --data DIR or --config FILE";
                return Err(Problem::usage(format_args!("{hint}, for instance --data /srv/deedbox")));
            }
        };
        if let Some(dir) = &self.data {
            let dir = std::path::absolute(dir).doing(format_args!("find {}", dir.display()))?;
            settings.data = DataDir::new(dir);
        }
        Ok(settings)
    }

    /// Has the request served by the daemon, or by this process if there is none.
    fn execute(&self, request: Request) -> Result<Reply, Problem> {
        let settings = self.settings()?;
        runtime()?.block_on(async {
            let started = Instant::now();
            let core = loop {
                if let Some(answer) = control::ask(&settings.data.socket(), &request).await {
                    return answer;
                }
                match DirLock::take(&settings.data) {
                    Ok(lock) => break Core::open_locked(settings, lock).await?,
                    // A daemon that starts or ends has the lock and no socket; another verb is done in a moment.
                    Err(_) if started.elapsed() < LOCK_PATIENCE => tokio::time::sleep(LOCK_PAUSE).await,
                    Err(problem) => return Err(problem),
                }
            };
            let reply = dispatch(&core, &format!("uid {}", rustix::process::getuid().as_raw()), request).await;
            core.close().await?;
            reply
        })
    }
}

/// The runtime on which everything asynchronous runs.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().doing("start the runtime")
}

/// Serves one request of the operator. `from` says who that is, for the audit record.
pub(crate) async fn dispatch(core: &Core, from: &str, request: Request) -> Result<Reply, Problem> {
    let operator = operator::Operator::new(core, from);
    match request {
        Request::Status => status::run(&operator).await,
        Request::Reload => reload::run(&operator).await,
        Request::CheckDeep => check::beside_the_daemon(&operator).await,
        Request::Firm(command) => command.run(&operator).await,
        Request::MatterType(command) => command.run(&operator).await,
        Request::Matter(command) => command.run(&operator).await,
        Request::Contact(command) => command.run(&operator).await,
        Request::Participant(command) => command.run(&operator).await,
        Request::Access(command) => command.run(&operator).await,
        Request::Device(command) => command.run(&operator).await,
        Request::Staff(command) => command.run(&operator).await,
        Request::Account(command) => command.run(&operator).await,
        Request::Session(command) => command.run(&operator).await,
        Request::Key(command) => command.run(&operator).await,
        Request::Document(command) => command.run(&operator).await,
        Request::Folder(command) => command.run(&operator).await,
        Request::Mail(command) => command.run(&operator).await,
        Request::Message(command) => command.run(&operator).await,
        Request::Intake(command) => command.run(&operator).await,
        Request::Lock(command) => command.run(&operator).await,
        Request::Quota(command) => command.run(&operator).await,
        Request::Policy(command) => command.run(&operator).await,
    }
}

/// The command line as clap knows it, for the tests that hold the help texts.
#[doc(hidden)]
pub fn command() -> clap::Command {
    Cli::command()
}
