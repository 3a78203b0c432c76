//! `/matters/{number}/messages`: what is said between the firm and a matter's participants, to those who are in it. The tree decides
//! and keeps; to the administrator there is nothing here.

use axum::extract::Path;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::caller::Caller;
use super::documents::within;
use super::input::{Asked, Input};
use super::matters::webdav;
use super::page::Which;
use super::problem::Problem;
use crate::front::limits::Holding;
use crate::front::segments;
use crate::names::{Area, DocName, DocPath, Front};
use crate::vfs::{Error, Existing, Stat, View, WriteOptions};

/// Folders below `Messages` that are looked into; a matter type has a handful.
const MOST_FOLDERS: usize = 100;
/// A message has 256 KiB at most.
const MAX_MESSAGE: usize = 256 * 1024;

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
    let folder = folder(&view, &number).await?;
    let mut all: Vec<_> = messages(&view, folder).await?.iter().filter_map(|(path, stat)| shown(path, stat)).collect();
    all.sort_by_cached_key(key);
    Answer::of(&which.of(all, key)?)
}

pub(super) async fn show(caller: Caller, Path((number, id)): Path<(String, String)>) -> Result<Answer, Problem> {
    let view = caller.view();
    let folder = folder(&view, &number).await?;
    let all = messages(&view, folder).await?;
    let found = all.iter().find(|(_, stat)| stat.node.is_some_and(|node| node.to_string() == id));
    let (path, stat) = found.ok_or_else(Problem::not_found)?;
    caller.visit.hold(caller.session.account(), Holding::Document, Front::Api)?;
    let reading = view.read(path).await?;
    let mut text = Vec::new();
    while text.len() <= MAX_MESSAGE {
        let piece = reading.read_at(text.len() as u64, MAX_MESSAGE).await?;
        if piece.is_empty() {
            break;
        }
        text.extend_from_slice(&piece);
    }
    let message = shown(path, stat).ok_or_else(Problem::not_found)?;
    // What was taken for a message is text; what is older may not be.
    Answer::of(&Opened { message, text: String::from_utf8_lossy(&text).into_owned() })
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
    let name = DocName::parse(format!("{}.txt", subject.trim()).as_bytes()).map_err(|why| wrong("subject", why))?;
    if text.is_empty() {
        return Err(Problem::unfit("`text`: there is nothing in this message"));
    }
    let path = folder.clone().join(name).map_err(|why| wrong("subject", why))?;
    caller.visit.hold(caller.session.account(), Holding::Upload, Front::Api)?;
    let options = WriteOptions { create: true, existing: Existing::Replace, expect_version: None };
    let writing = view.write(&path, options).await?;
    writing.append(Bytes::from(text)).await?;
    // A task of its own: a client that goes away now must not leave the commit half done and its record open.
    let (stat, _) = tokio::spawn(writing.commit()).await.unwrap_or(Err(Error::Unavailable))?;
    let given = stat.name.clone().ok_or_else(Problem::unavailable)?;
    let path = folder.join(given).map_err(|_| Problem::unavailable())?;
    let message = shown(&path, &stat).ok_or_else(Problem::unavailable)?;
    let mut place = "/matters/".to_owned();
    segments::push_text(&mut place, &number);
    Answer::created(&format!("{place}/messages/{}", message.id), &message)
}

/// The folder of a matter's messages, if this session sees both.
async fn folder(view: &View, number: &str) -> Result<DocPath, Problem> {
    let matters = view.matters().await?;
    let matter = matters.into_iter().find(|one| one.number.eq_ignore_ascii_case(number));
    let matter = matter.ok_or_else(Problem::not_found)?;
    let name = Area::Messages.folder();
    let has = |area: &Stat| area.name.as_ref().is_some_and(|one| one.as_str() == name);
    let name = matter.areas.iter().find(|area| has(area)).and_then(|area| area.name.clone());
    matter.path.join(name.ok_or_else(Problem::not_found)?).map_err(|_| Problem::not_found())
}

/// Every message that this session sees in it and below.
async fn messages(view: &View, folder: DocPath) -> Result<Vec<(DocPath, Stat)>, Problem> {
    let (mut open, mut found, mut looked) = (vec![folder], Vec::new(), 0);
    while let Some(folder) = open.pop() {
        looked += 1;
        if looked > MOST_FOLDERS {
            return Err(Error::Limit("folders of messages").into());
        }
        for entry in view.list(&folder).await?.entries {
            let Some(path) = entry.name.clone().and_then(|name| folder.clone().join(name).ok()) else { continue };
            if entry.is_folder() {
                open.push(path);
            } else {
                found.push((path, entry));
            }
        }
    }
    Ok(found)
}

fn key(one: &Shown) -> String {
    format!("{} {}", one.sent, one.id)
}

fn shown(path: &DocPath, stat: &Stat) -> Option<Shown> {
    Some(Shown {
        id: stat.node?.to_string(),
        from: stat.name.as_ref().and_then(|name| sender(name.as_str())).map(str::to_owned),
        sent: stat.created.to_string(),
        size: stat.size,
        path: within(path),
        webdav: webdav(path),
    })
}

/// Who stands in the name that the system has given: `2026-11-26 14.05.33 client.one@example.com – question.txt`.
fn sender(name: &str) -> Option<&str> {
    let (before, _) = name.split_once(" – ")?;
    before.splitn(3, ' ').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_stands_in_a_messages_name() {
        let name = "2026-11-26 14.05.33 client.one@example.com – a – b.txt";
        assert_eq!(sender(name), Some("client.one@example.com"));
        assert_eq!(sender("old.txt"), None);
    }
}
