//! What a browser shows when somebody opens a folder's URL: a plain list. WebDAV clients never ask for it.

use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderValue};

use super::location::href;
use super::status::{Act, Refusal};
use super::xml_text::push_escaped;
use crate::front::http_answer::{Body, Response, whole};
use crate::front::segments;
use crate::names::DocPath;
use crate::vfs::{Listing, View};

/// The page of a folder; without a body for HEAD.
pub(super) async fn folder(view: &View, path: &DocPath, head: bool) -> Result<Response<Body>, Refusal> {
    let listing = view.list(path).await.map_err(|error| Refusal::tree(&error, Act::Look))?;
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", page(path, &listing));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if head {
        let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = Body::Empty;
    }
    Ok(response)
}

fn page(path: &DocPath, listing: &Listing) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    push_escaped(&mut out, &path.to_string());
    out.push_str("</title></head><body><h1>");
    push_escaped(&mut out, &path.to_string());
    out.push_str("</h1>\n<ul>\n");
    if let Some((above, _)) = path.split_last() {
        out.push_str(&format!("<li><a href=\"{}\">..</a></li>\n", href(&above, true)));
    }
    let base = href(path, true);
    for stat in &listing.entries {
        let Some(name) = &stat.name else { continue };
        let slash = if stat.is_folder() { "/" } else { "" };
        out.push_str("<li><a href=\"");
        out.push_str(&base);
        segments::push(&mut out, name);
        out.push_str(slash);
        out.push_str("\">");
        push_escaped(&mut out, name.as_str());
        out.push_str(slash);
        out.push_str("</a>");
        if !stat.is_folder() {
            out.push_str(&format!(" {} bytes, {}", stat.size, stat.modified));
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ul></body></html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::http_conditions::tests::document;
    use crate::names::DocName;
    use crate::vfs::{Kind, Stat};

    #[test]
    fn a_name_cannot_become_markup_or_a_scheme() {
        let mut entry = document(1);
        entry.name = DocName::parse(b"javascript:<script>\"'&").ok();
        let folder = Stat { kind: Kind::Folder, ..document(0) };
        let path = DocPath::parse(b"/m/<i>").expect("path");
        let page = page(&path, &Listing { folder, entries: vec![entry] });
        assert!(!page.contains("<script>") && !page.contains("<i>"));
        assert!(page.contains("<a href=\"/dav/m/%3Ci%3E/javascript%3A%3Cscript%3E%22%27%26\">"));
        assert!(page.contains("<a href=\"/dav/m/\">..</a>"));
    }
}
