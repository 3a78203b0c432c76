//! The messages of a matter as a conversation: read from the oldest to the newest, and answered. What is shown is read with
//! the person's own rights, and recorded as read.

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use futures_util::future::join_all;
use hyper::StatusCode;
use serde::Deserialize;

use super::form::Posted;
use super::frame::{Frame, Notice, page};
use super::person::Person;
use super::site::Rendered;
use super::status::Failure;
use super::urls::{self, At};
use super::words;
use crate::front::conversation::{self, Conversation, Message, Unsent, conversations};
use crate::front::limits::Holding;
use crate::names::{Area, DocPath, Role, Verb};
use crate::vfs::Error;

/// Messages on a page; each is opened.
const ON_A_PAGE: usize = 20;
/// Of what a message is about, in characters, where its first line says it.
const MAX_SUBJECT: usize = 60;

#[derive(Deserialize)]
pub(super) struct Part {
    /// How many pages before the newest.
    older: Option<usize>,
}

/// A message to send, as the form has it.
#[derive(Default, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    subject: String,
    text: String,
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    frame: Frame,
    /// The matter, and where it is.
    matter: (String, String),
    /// Other conversations of the matter: name, URL, whether it is this one.
    others: Vec<(String, String, bool)>,
    messages: Vec<Shown>,
    older: Option<usize>,
    newer: Option<usize>,
    /// Where to send; nothing for who may not.
    to: Option<String>,
    draft: Draft,
}

struct Shown {
    subject: String,
    from: String,
    is_own: bool,
    is_firm: bool,
    sent: String,
    sent_at: String,
    text: Result<String, Failure>,
    url: String,
}

/// The page.
pub(super) async fn show(
    person: Person,
    At(folder): At,
    Query(Part { older }): Query<Part>,
) -> Result<Response, Failure> {
    let frame = person.frame("Messages");
    match shown(&person, &folder, older.unwrap_or(0), frame, Draft::default()).await? {
        Looked::Page(shown) => Ok(page(StatusCode::OK, &*shown)),
        Looked::Elsewhere(other) => Ok(Redirect::to(&url(&other)).into_response()),
    }
}

/// Sends a message in the name of whoever is signed in.
pub(super) async fn answer(At(folder): At, posted: Posted<Draft>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    area_above(&folder).ok_or_else(Failure::not_found)?;
    let subject = if form.subject.trim().is_empty() { first_line(&form.text) } else { form.subject.clone() };
    match send(&person, &folder, &subject, &form.text).await {
        Ok(()) => {
            person.guest.tell(Notice::Done("Your message has been sent.".to_owned()));
            Ok(Redirect::to(&format!("{}#newest", url(&folder))).into_response())
        }
        Err(failure) => {
            let mut frame = person.frame("Messages");
            frame.notice = Some(Notice::Failed(failure.text.to_string()));
            let Looked::Page(shown) = shown(&person, &folder, 0, frame, form).await? else { return Err(failure) };
            let mut response = page(failure.status, &*shown);
            response.extensions_mut().insert(Rendered);
            Ok(failure.with_retry(response))
        }
    }
}

/// Sends a message.
pub(super) async fn send(person: &Person, folder: &DocPath, subject: &str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::bad("There is nothing in this message."));
    }
    person.hold(Holding::Upload)?;
    let subject = subject.replace(['/', '\\'], "-");
    let sent = conversation::send(&person.view(), folder, &subject, text.to_owned()).await;
    sent.map(drop).map_err(|why| match why {
        Unsent::Subject(why) => Failure::bad(format!("This cannot be a subject: {why}.")),
        Unsent::Tree(error) => error.into(),
    })
}

/// Where the messages of a folder are read.
pub(super) fn url(folder: &DocPath) -> String {
    urls::under("/messages", folder)
}

/// What stands at an address of messages.
enum Looked {
    Page(Box<MessagesPage>),
    /// There the person reads and writes nothing, here they do.
    Elsewhere(DocPath),
}

async fn shown(person: &Person, folder: &DocPath, older: usize, frame: Frame, draft: Draft) -> Result<Looked, Failure> {
    let area = area_above(folder).ok_or_else(Failure::not_found)?;
    let mut all = conversations(&person.view(), area).await?;
    all.retain(|one| !one.rights.is_empty());
    let Some(here) = all.iter().position(|one| one.folder == *folder) else {
        let other = all.first().ok_or_else(Failure::not_found)?;
        return Ok(Looked::Elsewhere(other.folder.clone()));
    };
    let others = all.iter().map(|one| (name(&one.folder), url(&one.folder), one.folder == *folder));
    let others = if all.len() > 1 { others.collect() } else { Vec::new() };
    let Conversation { rights, messages, .. } = all.swap_remove(here);
    let pages = messages.len().div_ceil(ON_A_PAGE).max(1);
    let older = older.min(pages - 1);
    let end = messages.len() - older * ON_A_PAGE;
    let on_page = &messages[end.saturating_sub(ON_A_PAGE)..end];
    on_page.iter().try_for_each(|_| person.hold(Holding::Document))?;
    let matter = folder.names().first().map(|matter| (matter.to_string(), DocPath::root().join(matter.clone())));
    let (matter, path) = matter.ok_or_else(Failure::not_found)?;
    Ok(Looked::Page(Box::new(MessagesPage {
        frame,
        matter: (matter, path.as_ref().map(urls::folder).unwrap_or_default()),
        others,
        messages: join_all(on_page.iter().map(|message| opened(person, message))).await,
        older: (older + 1 < pages).then_some(older + 1),
        newer: older.checked_sub(1),
        to: rights.has(Verb::Create).then(|| url(folder)),
        draft,
    })))
}

async fn opened(person: &Person, message: &Message) -> Shown {
    let (name, stat) = (message.name(), &message.stat);
    let subject = conversation::subject(name);
    let subject = subject.strip_suffix(".txt").or_else(|| subject.strip_suffix(".md")).unwrap_or(subject);
    let from = conversation::sender(name).unwrap_or_default();
    let firm = person.portal.gate.practice().firm();
    Shown {
        subject: subject.to_owned(),
        is_own: from == person.session.login(),
        is_firm: firm.account_by_login(from).is_some_and(|account| account.role == Role::Staff),
        from: from.to_owned(),
        sent: words::time(stat.created, &person.portal.settings.load().zone),
        sent_at: stat.created.to_string(),
        text: conversation::text(&person.view(), &message.path).await.map_err(|error: Error| error.into()),
        url: urls::under("/m", &message.path),
    }
}

/// The folder of a matter's messages in which or below which this one is.
pub(super) fn area_above(folder: &DocPath) -> Option<DocPath> {
    let [matter, area] = folder.names().get(..2)? else { return None };
    let is_messages = area.as_str() == Area::Messages.folder();
    is_messages.then(|| DocPath::root().join(matter.clone()).and_then(|path| path.join(area.clone())).ok())?
}

fn name(folder: &DocPath) -> String {
    folder.names().last().map(ToString::to_string).unwrap_or_default()
}

/// The first line that says something, as a subject.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("Message");
    // What the message's name could not show, it would show as something else.
    let line = line.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*'));
    let line: String = line.take(MAX_SUBJECT).collect();
    // A name that ends with a dot, or is nothing but dots, is none.
    let line = line.trim_matches(['.', ' ']);
    if line.is_empty() { "Message".to_owned() } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_subject_is_about_its_first_line() {
        for (text, subject) in [
            ("\r\n  When do we complete?\nBest", "When do we complete"),
            ("...\nmore", "Message"),
            (" \n", "Message"),
            (&"a".repeat(100), &"a".repeat(60)),
        ] {
            assert_eq!(first_line(text), subject, "{text:?}");
        }
    }

    #[test]
    fn only_a_matters_folder_of_messages_has_messages() {
        let area =
            |text: &str| area_above(&DocPath::parse(text.as_bytes()).expect("a path")).map(|path| path.to_string());
        assert_eq!(area("/A/Messages").as_deref(), Some("/A/Messages"));
        assert_eq!(area("/A/Messages/Expert").as_deref(), Some("/A/Messages"));
        assert_eq!((area("/A"), area("/A/Documents/Messages"), area("/")), (None, None, None));
    }
}
