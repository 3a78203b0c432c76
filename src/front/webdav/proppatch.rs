//! PROPPATCH (RFC 4918 section 9.2): all instructions happen, or none.

use hyper::{HeaderMap, StatusCode};

use super::guard::Guarded;
use super::location::href;
use super::multistatus::{HEAD, TAIL, push_href, push_status};
use super::properties::{Live, push_empty};
use super::requests::{Patch, PropName, Settable, proppatch, read_body};
use super::status::{Act, Refusal};
use crate::front::http_answer::{Body, Response, xml};
use crate::front::http_upload::Upload;
use crate::names::DocPath;
use crate::vfs::{Error, PropertyChange, Stat, Times, View};

/// The PROPPATCH method.
pub(super) async fn patch(
    view: View,
    path: DocPath,
    headers: &HeaderMap,
    guarded: &Guarded,
    upload: &mut Upload,
    limit: usize,
) -> Result<Response<Body>, Refusal> {
    let body = read_body(upload, limit).await?;
    let patches = proppatch(&body, |name| Live::find(name).is_some())?;
    let refused = |error: Error| Refusal::tree(&error, Act::Patch);
    guarded.check(&view, &path, Act::Patch).await?;
    let stat = view.stat(&path).await.map_err(refused)?;
    let hindered = patches.iter().any(|patch| matches!(patch, Patch::Protected(_) | Patch::TooLarge(_)));
    if hindered {
        return Ok(xml(StatusCode::MULTI_STATUS, answer(&path, &stat, &patches, Done::Hindered)));
    }
    let view = with_own_tokens(view, &path, headers, guarded).await;
    let done = match apply(&view, &path, &stat, &patches).await {
        Ok(()) => Done::All,
        // Section 9.2.1 names the status for who has stored too much.
        Err(Error::Limit(_)) => Done::Full,
        Err(error) => return Err(refused(error)),
    };
    Ok(xml(StatusCode::MULTI_STATUS, answer(&path, &stat, &patches, done)))
}

/// Windows sets times and attributes of a document that it holds locked without sending the token.
async fn with_own_tokens(view: View, path: &DocPath, headers: &HeaderMap, guarded: &Guarded) -> View {
    guarded.with_own_tokens(view, path, headers, "Microsoft-WebDAV-MiniRedir").await
}

async fn apply(view: &View, path: &DocPath, stat: &Stat, patches: &[Patch]) -> Result<(), Error> {
    let mut times = Times::default();
    let mut changes: Vec<PropertyChange> = Vec::new();
    for patch in patches {
        match patch {
            Patch::Time(_, Settable::Modified, time) => times.modified = Some(*time),
            Patch::Time(_, Settable::Created, time) => times.made = Some(*time),
            Patch::Dead(change) => changes.push(change.clone()),
            Patch::Protected(_) | Patch::TooLarge(_) => {}
        }
    }
    if times != Times::default() {
        view.set_times(path, times).await?;
    }
    if !changes.is_empty()
        && let Err(error) = view.change_properties(path, changes).await
    {
        if times != Times::default() {
            // All or nothing: the times go back. Should that fail too, the first error is the one to tell.
            let before = Times { modified: Some(stat.modified), made: Some(stat.created) };
            let _ = view.set_times(path, before).await;
        }
        return Err(error);
    }
    Ok(())
}

/// What became of the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    All,
    /// Nothing: one of them can never be done.
    Hindered,
    /// Nothing: more properties than an entry may have.
    Full,
}

/// The multi-status of section 9.2.1: 200 for all, or the hindrances and 424 for the others.
fn answer(path: &DocPath, stat: &Stat, patches: &[Patch], done: Done) -> String {
    let mut out = String::from(HEAD);
    out.push_str("<D:response>");
    push_href(&mut out, &href(path, stat.is_folder()));
    let status_of = |patch: &Patch| match patch {
        Patch::Protected(_) => StatusCode::FORBIDDEN,
        Patch::TooLarge(_) => StatusCode::INSUFFICIENT_STORAGE,
        Patch::Dead(PropertyChange::Set(_)) if done == Done::Full => StatusCode::INSUFFICIENT_STORAGE,
        Patch::Dead(_) | Patch::Time(..) if done == Done::All => StatusCode::OK,
        Patch::Dead(_) | Patch::Time(..) => StatusCode::FAILED_DEPENDENCY,
    };
    for status in
        [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::FAILED_DEPENDENCY, StatusCode::INSUFFICIENT_STORAGE]
    {
        let mut names: Vec<PropName> = Vec::new();
        for patch in patches.iter().filter(|patch| status_of(patch) == status) {
            let name = patch.name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            continue;
        }
        out.push_str("<D:propstat><D:prop>");
        names.iter().for_each(|name| push_empty(&mut out, &name.namespace, &name.name));
        out.push_str("</D:prop>");
        push_status(&mut out, status);
        if status == StatusCode::FORBIDDEN {
            out.push_str("<D:error><D:cannot-modify-protected-property/></D:error>");
        }
        out.push_str("</D:propstat>");
    }
    out.push_str("</D:response>\n");
    out.push_str(TAIL);
    out
}

#[cfg(test)]
mod tests {
    use super::super::xml::parse;
    use super::*;
    use crate::front::http_conditions::tests::document;

    #[test]
    fn one_protected_property_fails_all_and_each_gets_its_status() {
        let name = |name: &str| PropName { namespace: "DAV:".to_owned(), name: name.to_owned() };
        let path = DocPath::parse(b"/a").expect("path");
        let dead = || Patch::Dead(PropertyChange::Remove("urn:<x>".to_owned(), "p".to_owned()));
        let patches = [dead(), Patch::Protected(name("getetag")), dead()];
        let text = answer(&path, &document(1), &patches, Done::Hindered);
        parse(text.as_bytes()).expect("well-formed");
        assert!(text.contains("<D:getetag/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error>"));
        assert!(text.contains("<p xmlns=\"urn:&lt;x&gt;\"/></D:prop><D:status>HTTP/1.1 424 Failed Dependency"));
        let text = answer(&path, &document(1), &[dead()], Done::All);
        assert!(text.contains("HTTP/1.1 200 OK") && !text.contains("424"));
    }
}
