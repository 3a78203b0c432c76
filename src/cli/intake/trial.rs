//! `deedbox intake test`: which rule would decide about a document, and where that would send it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{parse, rules_text};
use crate::cli::Global;
use crate::cli::operator::Operator;
use crate::cli::policy::refused;
use crate::cli::problem::Problem;
use crate::cli::reply::{Reply, printable};
use crate::gate::{Administer, Permit};
use crate::intake::{Arrival, Destination, Mismatch, Routing, Rules};
use crate::names::{DocName, DocPath, Timestamp};
use crate::vfs::Vfs;

/// Say which rule decides about a document that a device brings, and where it would go
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(
    after_help = "Example: deedbox intake test 2026-0001_Contract.pdf --device scanner.one --rules policies/intake.toml\n         \
                  deedbox intake test scan.pdf --device scanner.one --from 192.0.2.17 --subfolder 2026-0001/Drafts \\\n           \
                  --data /srv/deedbox\n\n\
                  With --rules alone it reads that file and nothing else, and rules go by UTC. With a data directory it also \
                  looks whether matter and folder are there, and without --rules it tries the rules in force. It delivers \
                  nothing.\n\n\
                  Exit code: 0 if a rule delivers the document, 1 if it would go to quarantine, 2 if the rules are wrong."
)]
pub(crate) struct Test {
    /// The document's name
    #[arg(value_name = "FILENAME")]
    name: String,
    /// The login that brings it
    #[arg(long, value_name = "LOGIN")]
    device: String,
    /// The drop box [default: the only one]
    #[arg(long, value_name = "NAME")]
    drop_box: Option<String>,
    /// The folders between the drop box and the document
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    subfolder: String,
    /// The address that it comes from [default: unknown]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// A file of rules that are not in force
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    #[arg(skip)]
    #[serde(default)]
    text: Option<String>,
}

/// What the rules say.
struct Tried<'r> {
    drop_box: &'r str,
    passed: Vec<(&'r str, Mismatch)>,
    routing: Routing,
}

impl Test {
    /// Reads the file where the person is, not where the daemon is.
    pub(super) fn prepare(mut self, global: &Global) -> Result<Result<Self, Reply>, Problem> {
        let Some(file) = &self.rules else { return Ok(Ok(self)) };
        let text = rules_text(file).map_err(Problem::usage)?;
        if global.names_data() {
            self.text = Some(text);
            return Ok(Ok(self));
        }
        let rules = parse(&text, file, TimeZone::UTC).map_err(refused)?;
        self.answer(self.tried(&rules)?, None).map(Err)
    }

    pub(super) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        operator.account(&self.device)?;
        let rules = match &self.text {
            Some(text) => {
                let file = self.rules.as_deref().unwrap_or(Path::new(""));
                let rules = parse(text, file, operator.core().settings().time_zone.clone()).map_err(refused)?;
                Some(Arc::new(rules))
            }
            None => operator.core().vfs().intake(),
        };
        let rules = rules.ok_or_else(|| {
            Problem::failed("there are no drop boxes: say `intake` in the configuration, or --rules FILE")
        })?;
        let tried = self.tried(&rules)?;
        let to = match &tried.routing {
            Routing::To(to) => Some(to.clone()),
            Routing::Nowhere(_) => None,
        };
        let look = move |vfs: &Vfs, permit: &Permit<Administer>| match &to {
            Some(to) => vfs.would_deliver(permit, to).map(Some),
            None => Ok(None),
        };
        let there = operator.inspect(("intake test", &self.device, None), look).await?;
        let there = there.map(|there| there.map(|path| path.to_string()).map_err(|why| why.to_string()));
        self.answer(tried, there)
    }

    fn tried<'r>(&self, rules: &'r Rules) -> Result<Tried<'r>, Problem> {
        let wrong = |what: &str, why: &dyn std::fmt::Display| Problem::usage(format_args!("{what}: {why}"));
        let name = DocName::parse(self.name.as_bytes()).map_err(|why| wrong("FILENAME", &why))?;
        let subfolder = DocPath::parse(self.subfolder.as_bytes()).map_err(|why| wrong("--subfolder", &why))?;
        let drop_box = match (&self.drop_box, rules.drop_boxes()) {
            (Some(name), all) => all.iter().find(|one| one.name.eq_ignore_ascii_case(name)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let drop_box = drop_box.ok_or_else(|| {
            let all: Vec<_> = rules.drop_boxes().iter().map(|one| one.name.as_str()).collect();
            let all = if all.is_empty() { "there are none".to_owned() } else { all.join(", ") };
            wrong("--drop-box says which one of these it is", &all)
        })?;
        let arrival = Arrival {
            drop_box: &drop_box.name,
            subfolder: &subfolder,
            name: &name,
            device: &self.device,
            source: self.from,
            arrived: Timestamp::now(),
        };
        let (passed, routing) = rules.trace(&arrival);
        Ok(Tried { drop_box: &drop_box.name, passed, routing })
    }

    /// `there` is the path that the document would get, or why it would not; nothing if nobody has looked.
    fn answer(&self, tried: Tried<'_>, there: Option<Result<String, String>>) -> Result<Reply, Problem> {
        let Tried { drop_box, passed, routing } = tried;
        let name = printable(&self.name);
        let mut quarantine = None;
        let mut text = match &routing {
            Routing::To(Destination { rule, matter, folder, name: to }) => {
                format!("{name} goes to matter {matter}, {}, as {to}\n  by the rule {rule}\n", inner(folder))
            }
            Routing::Nowhere(why) => {
                quarantine = Some(why.to_string());
                format!("{name} goes to quarantine: {why}\n")
            }
        };
        match &there {
            Some(Ok(path)) => text.push_str(&format!("  it would be {}\n", printable(path))),
            Some(Err(why)) => {
                text.push_str(&format!("  but cannot be delivered, so it goes to quarantine: {}\n", printable(why)));
                quarantine = Some(why.clone());
            }
            None => {}
        }
        for (rule, why) in &passed {
            text.push_str(&format!("  {rule} does not match: {why}\n"));
        }
        let to = match &routing {
            Routing::To(to) => Some(to),
            Routing::Nowhere(_) => None,
        };
        let passed: Vec<_> =
            passed.iter().map(|(rule, why)| serde_json::json!({ "rule": rule, "why": why.to_string() })).collect();
        let data = serde_json::json!({
            "file": self.name, "drop_box": drop_box, "passed": passed, "quarantine": quarantine,
            "rule": to.map(|to| &to.rule), "matter": to.map(|to| &to.matter), "folder": to.map(|to| inner(&to.folder)),
            "name": to.map(|to| to.name.as_str()), "path": there.and_then(Result::ok),
        });
        let is_lost = !data["quarantine"].is_null();
        Ok(Reply::new(&data, text)?.negative(is_lost))
    }
}

/// A path of a matter, as people write it.
fn inner(folder: &DocPath) -> String {
    folder.to_string().trim_start_matches('/').to_owned()
}
