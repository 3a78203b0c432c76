//! How to connect a drive: address, login, a fresh device password, and the steps for each system.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::Response;
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::device::{self, Made};
use super::form::Posted;
use super::frame::{Frame, Notice, page};
use super::origin;
use super::person::Person;
use super::site::Rendered;
use super::status::Failure;

/// The host and port under which the browser came here, and so under which a drive of the same computer will.
pub(super) struct Host(pub(super) String);

impl<S: Sync> FromRequestParts<S> for Host {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let host = origin::host(parts).filter(|host| host.bytes().all(|b| b.is_ascii_graphic()));
        host.map(Self).ok_or_else(|| Failure::bad("The request does not say which host it is for."))
    }
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    frame: Frame,
    login: String,
    made: Option<Made>,
    /// `portal.example:8443`, without a port where it is the usual one.
    host: String,
    /// Without a port.
    name: String,
    /// Windows' own spelling: `\\portal.example@SSL@8443\DavWWWRoot\dav`.
    unc: String,
    sftp_port: Option<u16>,
}

/// The page.
pub(super) async fn show(host: Host, person: Person) -> Response {
    page_with(&person, &host.0, StatusCode::OK, None)
}

/// Makes a device password and shows the page with it, this once.
pub(super) async fn make_password(host: Host, posted: Posted<device::New>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    match device::make(&person, form).await {
        Ok(made) => Ok(page_with(&person, &host.0, StatusCode::OK, Some(made))),
        Err(failure) => {
            person.guest.tell(Notice::Failed(failure.text.to_string()));
            let mut response = page_with(&person, &host.0, failure.status, None);
            response.extensions_mut().insert(Rendered);
            Ok(failure.with_retry(response))
        }
    }
}

/// The page, with a password that was just made.
pub(super) fn page_with(person: &Person, host: &str, status: StatusCode, made: Option<Made>) -> Response {
    let host = host.strip_suffix(":443").unwrap_or(host);
    let (name, port) = split(host);
    let unc = match port {
        Some(port) => format!("\\\\{name}@SSL@{port}\\DavWWWRoot\\dav"),
        None => format!("\\\\{name}@SSL\\DavWWWRoot\\dav"),
    };
    let shown = ConnectPage {
        frame: person.frame("Connect a drive"),
        login: person.session.login().to_owned(),
        made,
        host: host.to_owned(),
        name: name.to_owned(),
        unc,
        sftp_port: person.portal.sftp_port,
    };
    page(status, &shown)
}

/// Host and port; the colons of an IPv6 address stand within brackets.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_from_the_colons_of_an_address() {
        assert_eq!(split("portal.example:8443"), ("portal.example", Some("8443")));
        assert_eq!(split("portal.example"), ("portal.example", None));
        assert_eq!(split("[2001:db8::1]"), ("[2001:db8::1]", None));
        assert_eq!(split("[2001:db8::1]:8443"), ("[2001:db8::1]", Some("8443")));
    }
}
