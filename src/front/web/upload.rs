//! Uploads by form, several documents at once: each streamed into the tree as it comes, and visible only when it is there whole.

use std::sync::Arc;

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest as _, FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::BytesMut;
use hyper::StatusCode;
use hyper::header::ACCEPT;

use super::frame::Notice;
use super::person::{Person, of_request};
use super::site::Portal;
use super::status::Failure;
use super::urls::{self, At};
use crate::front::limits::Holding;
use crate::names::{DocName, DocPath};
use crate::vfs::{Error, Existing, WriteOptions, Writing};

/// Up to how much small pieces are collected before the tree gets them.
const BATCH: usize = 64 * 1024;
/// Documents of one form.
const MOST: usize = 1000;
/// Longer tokens are nobody's.
const MAX_TOKEN: usize = 256;

/// A form of documents for a folder.
pub(super) async fn receive(State(portal): State<Arc<Portal>>, request: Request) -> Result<Response, Response> {
    let (person, request) = of_request(request, &portal).await?;
    let in_words = request.headers().get(ACCEPT).is_some_and(|accept| accept == "text/plain");
    let fail = |failure: Failure| failure.into_response();
    person.hold(Holding::Upload).map_err(fail)?;
    let (mut parts, body) = request.into_parts();
    let At(folder) = At::from_request_parts(&mut parts, &()).await.map_err(fail)?;
    let form = Multipart::from_request(Request::from_parts(parts, body), &());
    let form = form.await.map_err(|rejection| rejection.into_response())?;
    let mut stored = Vec::new();
    let done = take_all(&person, &folder, form, &mut stored).await;
    person.guest.touch();
    match done {
        Ok(()) if stored.is_empty() => Err(fail(Failure::bad("No document was chosen."))),
        Ok(()) => {
            person.guest.tell(Notice::Done(told(&stored)));
            if in_words {
                return Ok((StatusCode::OK, "stored\n").into_response());
            }
            Ok(Redirect::to(&urls::folder(&folder)).into_response())
        }
        Err(failure) if stored.is_empty() => Err(fail(failure)),
        Err(failure) => {
            let text = format!("{} {}", failure.text, told(&stored));
            Err(fail(Failure { text: text.into(), ..failure }))
        }
    }
}

fn told(stored: &[String]) -> String {
    match stored {
        [one] => format!("{one} has been received."),
        all if all.len() <= 5 => format!("{} have been received.", all.join(", ")),
        all => format!("{} documents have been received.", all.len()),
    }
}

/// The token comes first, since what follows is not kept back for it.
async fn take_all(
    person: &Person,
    folder: &DocPath,
    mut form: Multipart,
    stored: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut is_own = false;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("csrf") => {
                let token = short_text(field).await?;
                is_own = person.guest.is_own_form(&token);
            }
            Some("documents") if is_own => {
                // A browser sends one part without a name where nothing was chosen.
                let Some(name) = field.file_name().filter(|name| !name.is_empty()) else { continue };
                if stored.len() == MOST {
                    return Err(Failure::bad(format!("Send {MOST} documents at a time at most.")));
                }
                let name = document_name(name)?;
                let shown = name.to_string();
                take_one(person, folder, name, field).await.map_err(|failure| failure.about(&shown))?;
                stored.push(shown);
            }
            Some("documents") => return Err(Failure::foreign()),
            _ => return Err(Failure::bad("The form has a field that does not belong to it.")),
        }
    }
    if is_own { Ok(()) } else { Err(Failure::foreign()) }
}

/// What stands behind the last separator: some browsers send a path. All of them write `%22` for a quotation mark, and leave
/// other percent signs as they are (HTML, "multipart form data").
fn document_name(sent: &str) -> Result<DocName, Failure> {
    let sent = sent.replace("%22", "\"");
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    DocName::parse(name.as_bytes()).map_err(|why| Failure::bad(format!("A document cannot have this name: {why}.")))
}

async fn take_one(person: &Person, folder: &DocPath, name: DocName, field: Field<'_>) -> Result<(), Failure> {
    let path = folder.clone().join(name).map_err(|why| Failure::bad(format!("{why}.")))?;
    let options = WriteOptions { create: true, existing: Existing::Replace, expect_version: None };
    let view = person.view();
    let writing = match view.write(&path, options).await {
        Ok(writing) => writing,
        Err(Error::Denied) if view.stat(&path).await.is_ok() => {
            let text = "A document of that name is there already, and you may not replace it. Give yours another name.";
            return Err(Failure::new(StatusCode::CONFLICT, text));
        }
        Err(error) => return Err(error.into()),
    };
    match stream(&writing, field, person.visit.limits().upload_bytes).await {
        Ok(()) => {}
        // Nothing that is too large will ever be resumed.
        Err(Cut::TooLarge) => {
            writing.discard().await;
            return Err(Error::TooLarge.into());
        }
        Err(Cut::Tree(error)) => return Err(error.into()),
        Err(Cut::Form(failure)) => return Err(failure),
    }
    // A task of its own: a browser that hangs up now must not leave the commit half done and its record open.
    tokio::spawn(writing.commit()).await.unwrap_or(Err(Error::Unavailable))?;
    Ok(())
}

enum Cut {
    TooLarge,
    Tree(Error),
    Form(Failure),
}

async fn stream(writing: &Writing, mut field: Field<'_>, limit: u64) -> Result<(), Cut> {
    let mut received = 0u64;
    let mut batch = BytesMut::new();
    while let Some(data) = field.chunk().await.map_err(|error| Cut::Form(unreadable(error)))? {
        received += data.len() as u64;
        if received > limit {
            return Err(Cut::TooLarge);
        }
        batch.extend_from_slice(&data);
        if batch.len() >= BATCH {
            writing.append(batch.split().freeze()).await.map_err(Cut::Tree)?;
        }
    }
    if !batch.is_empty() {
        writing.append(batch.freeze()).await.map_err(Cut::Tree)?;
    }
    Ok(())
}

async fn short_text(mut field: Field<'_>) -> Result<String, Failure> {
    let mut text = Vec::new();
    while let Some(data) = field.chunk().await.map_err(unreadable)? {
        if text.len() + data.len() > MAX_TOKEN {
            return Err(Failure::foreign());
        }
        text.extend_from_slice(&data);
    }
    String::from_utf8(text).map_err(|_| Failure::foreign())
}

/// A form that was cut off, or is none.
fn unreadable(_: MultipartError) -> Failure {
    Failure::bad("The upload did not arrive whole. What was not received whole is not stored; send it again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_stands_behind_the_last_separator() {
        let name = |sent: &str| document_name(sent).map(|name| name.to_string()).map_err(|failure| failure.status);
        assert_eq!(name("C:\\papers\\deed.pdf"), Ok("deed.pdf".to_owned()));
        assert_eq!(name("../../deed.pdf"), Ok("deed.pdf".to_owned()));
        assert_eq!(name("a %22b%22 100%.txt"), Ok("a \"b\" 100%.txt".to_owned()));
        assert_eq!(name("<script>.txt"), Ok("<script>.txt".to_owned()));
        for bad in ["..", "a/", "a\nb", "\u{0}"] {
            assert_eq!(name(bad), Err(StatusCode::BAD_REQUEST), "{bad:?}");
        }
    }
}
