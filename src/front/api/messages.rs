//! `/matters/{number}/messages`: what is said between the firm and a matter's participants, to those who are in it. The tree decides
//! and keeps; to the administrator there is nothing here.

use axum::extract::Path;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::caller::Caller;
use super::documents::within;
use super::input::{Asked, Input};
use super::matters::webdav;
use super::page::Which;
use super::problem::Problem;
use crate::front::conversation::{self, Message, Unsent, area_of, conversations, sender};
use crate::front::limits::Holding;
use crate::front::segments;
use crate::names::{DocName, DocPath, Front};
use crate::vfs::View;

/// Of what a message is about, in characters.
const MAX_SUBJECT: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// What it is about, which becomes part of its name.
    subject: String,
    text: String,
    /// A folder below `Messages`, where the matter type has some.
    folder: Option<String>,
}

/// A message in answers, without what it says.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    /// Who sent it, as its name has it.
    from: Option<String>,
    sent: String,
    size: u64,
    path: String,
    webdav: String,
}

/// A message and what it says.
#[derive(Debug, Serialize)]
struct Opened {
    #[serde(flatten)]
    message: Shown,
    text: String,
}

pub(super) async fn list(
    caller: Caller,
    Path(number): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Answer, Problem> {
    let view = caller.view();
    let all = messages(&view, folder(&view, &number).await?).await?;
    let mut all: Vec<_> = all.iter().filter_map(shown).collect();
    all.sort_by_cached_key(key);
    Answer::of(&which.of(all, key)?)
}

pub(super) async fn show(caller: Caller, Path((number, id)): Path<(String, String)>) -> Result<Answer, Problem> {
    let view = caller.view();
    let all = messages(&view, folder(&view, &number).await?).await?;
    let found = all.iter().find(|one| one.stat.node.is_some_and(|node| node.to_string() == id));
    let found = found.ok_or_else(Problem::not_found)?;
    caller.visit.hold(caller.session.account(), Holding::Document, Front::Api)?;
    let text = conversation::text(&view, &found.path).await?;
    Answer::of(&Opened { message: shown(found).ok_or_else(Problem::not_found)?, text })
}

pub(super) async fn send(
    caller: Caller,
    Path(number): Path<String>,
    Input(new): Input<New>,
) -> Result<Answer, Problem> {
    let New { subject, text, folder: below } = new;
    let view = caller.view();
    let mut folder = folder(&view, &number).await?;
    let wrong = |what: &str, why: crate::names::NameError| Problem::unfit(format!("`{what}`: {why}"));
    if let Some(below) = below {
        folder = folder
            .join(DocName::parse(below.as_bytes()).map_err(|why| wrong("folder", why))?)
            .map_err(|why| wrong("folder", why))?;
    }
    if !(1..=MAX_SUBJECT).contains(&subject.chars().count()) {
        return Err(Problem::unfit(format!("`subject` is 1 to {MAX_SUBJECT} characters")));
    }
    if text.is_empty() {
        return Err(Problem::unfit("`text`: there is nothing in this message"));
    }
    caller.visit.hold(caller.session.account(), Holding::Upload, Front::Api)?;
    let sent = conversation::send(&view, &folder, &subject, text).await.map_err(|why| match why {
        Unsent::Subject(why) => wrong("subject", why),
        Unsent::Tree(error) => error.into(),
    })?;
    let message = shown(&sent).ok_or_else(Problem::unavailable)?;
    let mut place = "/matters/".to_owned();
    segments::push_text(&mut place, &number);
    Answer::created(&format!("{place}/messages/{}", message.id), &message)
}

/// The folder of a matter's messages, if this session sees both.
async fn folder(view: &View, number: &str) -> Result<DocPath, Problem> {
    let matters = view.matters().await?;
    let matter = matters.into_iter().find(|one| one.number.eq_ignore_ascii_case(number));
    matter.as_ref().and_then(area_of).ok_or_else(Problem::not_found)
}

/// Every message that this session sees in it and below.
async fn messages(view: &View, folder: DocPath) -> Result<Vec<Message>, Problem> {
    Ok(conversations(view, folder).await?.into_iter().flat_map(|one| one.messages).collect())
}

fn key(one: &Shown) -> String {
    format!("{} {}", one.sent, one.id)
}

fn shown(message: &Message) -> Option<Shown> {
    Some(Shown {
        id: message.stat.node?.to_string(),
        from: sender(message.name()).map(str::to_owned),
        sent: message.stat.created.to_string(),
        size: message.stat.size,
        path: within(&message.path),
        webdav: webdav(&message.path),
    })
}
