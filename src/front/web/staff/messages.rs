//! The messages of a matter: who wrote when; one of them to read; and another one, which is an upload like any other.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::StatusCode;
use serde::Deserialize;

use super::super::form::Posted;
use super::super::frame::{Frame, Notice, page};
use super::super::messages::send as send_message;
use super::super::person::Person;
use super::super::status::Failure;
use super::super::{urls, words};
use super::acts::{self, as_refusal};
use super::matter::{self, Head, Tab};
use super::paging::Paging;
use crate::front::{conversation, segments};
use crate::names::{Area, DocPath, Role};
use crate::practice::Matter;
use crate::vfs::{MessageRecord, Vfs, structure_path};

/// What is looked at.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    page: String,
    /// A message to read, as a path within the matter.
    #[serde(default)]
    read: String,
}

/// A message to send, as the form has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    folder: String,
    subject: String,
    text: String,
}

#[derive(Template)]
#[template(path = "staff/messages.html")]
struct MessagesPage {
    frame: Frame,
    matter: Head,
    messages: Vec<Row>,
    paging: Paging,
    link: &'static str,
    read: Option<Text>,
    /// Folders of messages: path within the matter, and who else reads what is written there.
    folders: Vec<(String, String)>,
    /// Whoever looks may write: messages are the staff's, not the administrator's.
    writes: bool,
    draft: Draft,
    again: bool,
}

struct Row {
    sent: String,
    from: String,
    is_own_side: bool,
    subject: String,
    folder: String,
    url: String,
}

struct Text {
    name: String,
    url: String,
    text: String,
}

/// The page.
pub(super) async fn show(
    person: Person,
    Path(number): Path<String>,
    Query(looked): Query<Looked>,
) -> Result<Response, Failure> {
    let matter = matter::find(&person, &number)?;
    messages(&person, &matter, &looked, None).await
}

/// Sends a message in the name of whoever is signed in.
pub(super) async fn send(Path(number): Path<String>, posted: Posted<Draft>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let matter = matter::find(&person, &number)?;
    match write(&person, &matter, &form).await {
        Ok(()) => {
            person.guest.tell(Notice::Done("The message has been sent.".to_owned()));
            Ok(Redirect::to(&matter::tab_url(&matter, Tab::Messages)).into_response())
        }
        Err(failure) => {
            acts::tell(&person, &failure);
            Ok(as_refusal(&failure, messages(&person, &matter, &Looked::default(), Some(form)).await?))
        }
    }
}

async fn write(person: &Person, matter: &Matter, draft: &Draft) -> Result<(), Failure> {
    let folder = folders(matter).find(|path| matter::within(path).as_ref() == Some(&draft.folder));
    let folder = folder.ok_or_else(|| Failure::bad("The matter has no such folder of messages."))?;
    if draft.subject.trim().is_empty() {
        return Err(Failure::bad("Give the message a subject."));
    }
    send_message(person, &folder, &draft.subject, &draft.text).await
}

async fn messages(
    person: &Person,
    matter: &Arc<Matter>,
    looked: &Looked,
    draft: Option<Draft>,
) -> Result<Response, Failure> {
    let what = matter.clone();
    let look = move |vfs: &Vfs, permit: &_| vfs.messages(permit, &what);
    let mut all = acts::inspect(person, ("message list", &matter.number, Some(matter.id)), look).await?;
    all.reverse();
    let paging = Paging::of(all.len(), &looked.page);
    let read = if looked.read.is_empty() { None } else { Some(read(person, matter, &looked.read).await?) };
    let again = draft.is_some();
    let shown = MessagesPage {
        frame: person.frame(matter::title(matter, Tab::Messages)),
        matter: matter::head(matter, Tab::Messages),
        messages: all[paging.range()].iter().filter_map(|message| row(person, matter, message)).collect(),
        paging,
        link: "?",
        read,
        folders: folders(matter).filter_map(|path| Some((matter::within(&path)?, readers(matter, &path)))).collect(),
        writes: person.session.role() == Role::Staff,
        draft: draft.unwrap_or_default(),
        again,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// The folders of the structure in which messages stand.
fn folders(matter: &Matter) -> impl Iterator<Item = DocPath> {
    let ruled = |id| matter.rules.folders.get(id).is_some_and(|folder| folder.area == Area::Messages);
    let folders = matter.folders.iter().filter(move |folder| folder.former.is_none() && ruled(&folder.id));
    folders.map(|folder| structure_path(matter, folder.id))
}

/// The participant types that read what stands in a folder of messages.
fn readers(matter: &Matter, path: &DocPath) -> String {
    let folder = matter.folders.iter().find(|folder| structure_path(matter, folder.id) == *path);
    let chain: Vec<_> = folder.map(|folder| matter.way_to(folder.id).map(|one| one.id).collect()).unwrap_or_default();
    let rows = match matter.rules.nearest(&chain) {
        Some((_, crate::policy::FolderRule::Rows(rows))) => rows.as_slice(),
        _ => &[],
    };
    let kinds: Vec<_> = rows
        .iter()
        .filter(|row| row.rights.has(crate::names::Verb::Read))
        .map(|row| row.participant_type.as_str())
        .collect();
    if kinds.is_empty() { "staff alone".to_owned() } else { kinds.join(", ") }
}

fn row(person: &Person, matter: &Matter, message: &MessageRecord) -> Option<Row> {
    let firm = person.portal.gate.practice().firm();
    let account = firm.account(message.from);
    let (folder, name) = message.path.split_last()?;
    // What stands before the subject says when and by whom, as the row does.
    let subject = conversation::subject(name.as_str());
    let mut url = format!("{}?read=", matter::tab_url(matter, Tab::Messages));
    segments::push_text(&mut url, &matter::within(&message.path)?);
    Some(Row {
        sent: words::time(message.sent, &person.portal.settings.load().zone),
        from: account.map_or_else(|| "–".to_owned(), |account| account.login.clone()),
        is_own_side: account.is_some_and(|account| account.role == Role::Staff),
        subject: subject.to_owned(),
        folder: matter::within(&folder)?,
        url,
    })
}

/// A message's text, read with the person's own rights and recorded as read.
async fn read(person: &Person, matter: &Matter, text: &str) -> Result<Text, Failure> {
    let path = DocPath::parse(format!("/{}/{}", matter.folder_name, text.trim_matches('/')).as_bytes());
    let path = path.map_err(|_| Failure::not_found())?;
    let is_message = folders(matter).any(|folder| path.is_within(&folder));
    if !is_message {
        return Err(Failure::not_found());
    }
    let text = conversation::text(&person.view(), &path).await?;
    let name = path.names().last().map(ToString::to_string).unwrap_or_default();
    Ok(Text { name, url: urls::under("/m", &path), text })
}
