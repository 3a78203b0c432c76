//! `deedbox matter activity`: who read, sent, changed or was refused what, newest first; on paper as CSV.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::{Doing as _, Problem};
use super::reply::{Reply, Table, count, printable};
use super::{Global, Request, matter};
use crate::audit::{Act, Lookup, MAX_PAGE, csv_head, csv_row};
use crate::names::Timestamp;

/// Acts on a page unless said otherwise.
const PAGE: usize = 100;

/// What people did in a matter, newest first: who read, sent, changed or was refused which document
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(
    after_help = "Example: deedbox matter activity 2026-0001 --since 2026-11-01 --who client.one@example.com \\\n  \
                        --data /srv/deedbox\n\
                        What clients sent, as a table for others:\n  \
                        deedbox matter activity 2026-0001 --uploads --csv sent.csv --data /srv/deedbox\n\n\
                        A page looks back over up to 1,048,576 records and says where the next one starts. Listings and logins \
                        are in `deedbox audit show`, which `audit prove` can prove."
)]
pub(crate) struct Activity {
    /// The matter's number
    number: String,
    /// From this day on by the firm's clock, such as 2026-11-01, or from a time with its offset
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only what this login did
    #[arg(long, value_name = "LOGIN")]
    who: Option<String>,
    /// Only documents and messages that participants and devices sent
    #[arg(long)]
    uploads: bool,
    /// At most so many [default: 100]
    #[arg(long, value_name = "COUNT", conflicts_with = "csv")]
    limit: Option<usize>,
    /// Only what is older than this record: where the page before ended
    #[arg(long, value_name = "SEQ", conflicts_with = "csv")]
    before: Option<u64>,
    /// Write all of it to a new file, as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
}

impl Activity {
    pub(super) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let matter = operator.matter(&self.number)?;
        let zone = operator.core().gate().guarding().zone.clone();
        let lookup = Lookup {
            since: self.since.as_deref().map(|text| since(text, &zone)).transpose()?,
            before: self.before,
            login: self.who,
            uploads: self.uploads,
            limit: self.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE),
        };
        let page = operator.activity("matter activity", &matter, lookup).await?;
        let mut table = Table::new(&["TIME", "WHO", "WHAT", "OUTCOME", "BYTES", "WHERE"]);
        for act in &page.acts {
            let bytes = act.bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
            let (time, action, outcome) = (act.time.to_string(), act.action.to_string(), act.outcome.to_string());
            table.row([time, act.login.clone(), action, outcome, bytes, whither(act)]);
        }
        let mut text = String::from(table);
        if let Some(next) = page.next {
            text.push_str(&format!("There may be older ones: --before {next}\n"));
        }
        Reply::new(&page, text)
    }

    /// Asks for page after page, and writes them to a file of this process's user.
    pub(super) fn export(mut self, global: &Global, file: &Path) -> Result<Reply, Problem> {
        self.csv = None;
        self.limit = Some(MAX_PAGE);
        let doing = format!("write {}", file.display());
        let create = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).doing(&doing)?;
        let written = self.write(global, BufWriter::new(create), &doing);
        if written.is_err() {
            // Half a table must not be taken for all of it.
            let _ = std::fs::remove_file(file);
        }
        let acts = written?;
        let text = format!("{} has {}.\n", printable(&file.display().to_string()), count(acts, "act"));
        Reply::new(&serde_json::json!({ "file": file, "acts": acts }), text)
    }

    fn write(&mut self, global: &Global, mut out: BufWriter<File>, doing: &str) -> Result<usize, Problem> {
        let mut acts = 0;
        out.write_all(csv_head().as_bytes()).doing(doing)?;
        loop {
            let page = global.execute(Request::Matter(matter::Command::Activity(self.clone())))?.data;
            for act in page["acts"].as_array().into_iter().flatten() {
                out.write_all(csv_row(act).as_bytes()).doing(doing)?;
                acts += 1;
            }
            let Some(next) = page["next"].as_u64() else { break };
            self.before = Some(next);
        }
        out.flush().doing(doing)?;
        Ok(acts)
    }
}

fn whither(act: &Act) -> String {
    let mut text = act.path.clone().unwrap_or_default();
    if let Some(to) = &act.to {
        text.push_str(&format!(" -> {to}"));
    }
    if let Some(reason) = &act.reason {
        text.push_str(&format!(": {reason}"));
    }
    text
}

/// A day by the firm's clock, or a time.
fn since(text: &str, zone: &TimeZone) -> Result<Timestamp, Problem> {
    let day = text.parse::<Date>().ok().and_then(|day| day.to_zoned(zone.clone()).ok()).map(|start| start.timestamp());
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => Some(time),
        Err(_) => day,
    };
    let time = time.ok_or_else(|| {
        Problem::usage(format_args!(
            "{text:?} is neither a day such as 2026-11-01 nor a time with its offset such as 2026-11-01T08:00:00+01:00"
        ))
    })?;
    Ok(Timestamp::from_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_starts_by_the_firms_clock() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").expect("a zone");
        let at = |text: &str| since(text, &zone).map(|time| time.to_string()).map_err(|problem| problem.exit_code());
        assert_eq!(at("2026-11-01"), Ok("2026-10-31T23:00:00.000Z".to_owned()));
        assert_eq!(at("2026-11-01T08:00:00+01:00"), Ok("2026-11-01T07:00:00.000Z".to_owned()));
        assert_eq!(at("yesterday"), Err(2));
    }
}
