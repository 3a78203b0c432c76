//! `deedbox policy`: why somebody may or may not do something.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::operator::{Operator, blocking};
use super::problem::{Doing as _, Problem};
use super::reply::Reply;
use crate::names::{DocPath, Place, Rights, Verb};
use crate::policy::{Granted, MatterRules, granted, may_enter};
use crate::practice::{Account, Firm};
use crate::vault::Vault;

/// Decisions, explained
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Print whether a login may do something at a path, and the rows that decide it
    #[command(after_help = "Example: deedbox policy explain --login client.one@example.com --verb read \
                            --path '/2026-0001 Purchase of 12 High Street/Documents/From us' --data /var/lib/deedbox\n\n\
                            Exit code: 0 if allowed, 1 if not.")]
    Explain {
        /// The login
        #[arg(long)]
        login: String,
        /// list, read, create, update or delete
        #[arg(long)]
        verb: Verb,
        /// A folder or document, as the login sees it
        #[arg(long)]
        path: String,
    },
}

impl Command {
    pub(crate) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let Self::Explain { login, verb, path } = self;
        let account = operator.account(&login)?;
        let path = DocPath::parse(path.as_bytes()).map_err(|why| Problem::usage(format_args!("--path: {why}")))?;
        operator.permit("policy explain", &account.login, None).await?;
        let (vault, firm) = (operator.core().vault().clone(), operator.firm());
        let (who, place) = (account.clone(), path.clone());
        let explained = blocking(move || explain(&vault, &firm, &who, verb, &place)).await??;
        let verdict = if explained.allowed { "allowed" } else { "refused" };
        let mut text = format!("{verdict}: {} {verb} {path}\n", account.login);
        explained.because.iter().for_each(|why| text.push_str(&format!("  because {why}\n")));
        let data = serde_json::json!({
            "login": account.login, "role": account.role, "verb": verb, "path": path.to_string(),
            "allowed": explained.allowed, "rights": explained.rights.to_string(), "because": explained.because,
        });
        Ok(Reply::new(&data, text)?.negative(!explained.allowed))
    }
}

/// Where a path leads, whoever asks, and what a login has there.
struct Explained {
    allowed: bool,
    rights: Rights,
    because: Vec<String>,
}

fn explain(vault: &Vault, firm: &Firm, account: &Account, verb: Verb, path: &DocPath) -> Result<Explained, Problem> {
    let standing = firm.standing(account);
    let place = locate(vault, firm, path)?;
    let no_rules = MatterRules::default();
    let rules = place.matter.and_then(|id| firm.matter(id)).map_or(&no_rules, |matter| &matter.rules);
    let Granted { rights, mut because } = granted(&standing, rules, &place);
    if !account.enabled {
        because.insert(0, "the account is disabled".to_owned());
    }
    because.push(format!("rights in {}: {rights}", place.path));
    // The root and a matter's own level hold structure alone, which everybody sees who may enter something in it.
    let allowed = match (verb, place.folder()) {
        (Verb::List, None) => may_enter(&standing, rules, &place),
        _ => rights.has(verb),
    };
    Ok(Explained { allowed, rights, because })
}

/// The folder that a path names, or that holds the document which it names.
fn locate(vault: &Vault, firm: &Firm, path: &DocPath) -> Result<Place, Problem> {
    let mut names = path.names().iter();
    let Some(first) = names.next() else { return Ok(Place::root()) };
    let matter = firm.matter_by_folder(&first.folded()).ok_or_else(|| {
        Problem::failed(format_args!("there is no matter folder {first}; a path starts with one, as `matter list` shows"))
    })?;
    let mut place = Place { matter: Some(matter.id), ..Place::root() };
    place.path = DocPath::root().join(matter.folder_name.clone()).map_err(Problem::usage)?;
    for name in names {
        let structure = matter.child(place.folder(), &name.folded()).map(|folder| (folder.id, folder.name.clone()));
        let found = match (structure, place.folder()) {
            (Some(found), _) => Some(found),
            (None, Some(folder)) => vault
                .find(folder, name)
                .doing("read the catalog")?
                .filter(|entry| entry.content.is_none())
                .map(|entry| (entry.node, entry.name)),
            (None, None) => return Err(Problem::failed(format_args!("there is no area {name} in {}", place.path))),
        };
        let Some((node, name)) = found else { break };
        place.chain.push(node);
        place.path = place.path.join(name).map_err(Problem::usage)?;
    }
    Ok(place)
}
