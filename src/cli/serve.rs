//! `deedbox serve`: the daemon.

use clap::{Args, ValueEnum};

use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use super::{Global, runtime};
use crate::config::LogFormat;
use crate::daemon::{Daemon, Prepared};
use crate::observe;

/// Run the daemon in the foreground
#[derive(Debug, Args)]
#[command(after_help = "Example: deedbox serve --config /etc/deedbox/deedbox.toml\n\n\
                        SIGTERM and Ctrl-C end it cleanly: transfers under way get up to 30 seconds, unless it is \
                        signalled again. SIGHUP has it read its configuration again, as `deedbox reload` does.")]
pub(crate) struct Serve {
    /// Form of the log on standard error; the configuration says otherwise
    #[arg(long, value_enum, value_name = "FORM")]
    log: Option<LogForm>,
}

/// The form of log lines, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl From<LogForm> for LogFormat {
    fn from(form: LogForm) -> Self {
        match form {
            LogForm::Text => Self::Text,
            LogForm::Json => Self::Json,
        }
    }
}

impl Serve {
    pub(crate) fn run(self, global: &Global) -> Result<Reply, Problem> {
        let settings = global.settings()?;
        let format = self.log.map_or(settings.log.format, LogFormat::from);
        observe::start_logging(format, &settings.log.filter).doing("start logging")?;
        let again = global.clone();
        let prepared = Prepared::new(settings, Box::new(move || again.settings()), &[])?;
        runtime()?.block_on(async {
            let daemon = Daemon::start(prepared).await?;
            let at = daemon.addresses();
            tracing::info!(sftp = ?at.sftp, https = ?at.https, observe = ?at.observe, "ready");
            daemon.run_until_signal().await
        })?;
        Ok(Reply { data: serde_json::Value::Null, text: String::new(), negative: false })
    }
}
