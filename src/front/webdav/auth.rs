//! HTTP Basic authentication (RFC 7617), for every request anew: the gate finds the session of an equal request again,
//! and finds none once it was revoked.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use zeroize::Zeroizing;

use super::status::Refusal;
use crate::gate::{Gate, LoginError, Session};

/// Longest credentials, encoded; far beyond every login with its password.
const MAX_CREDENTIALS: usize = 4096;

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A login and a password as they were sent.
struct Credentials {
    login: String,
    password: Zeroizing<String>,
}

/// The challenge of this realm. `charset` asks for UTF-8 (RFC 7617 section 2.1).
pub(super) fn challenge(realm: &str) -> HeaderValue {
    let realm: String = realm.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
    HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
        .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"Deedbox\", charset=\"UTF-8\""))
}

/// The session of a request.
pub(super) async fn session(
    gate: &Gate,
    peer: IpAddr,
    headers: &HeaderMap,
    challenge: &HeaderValue,
) -> Result<Arc<Session>, Refusal> {
    let refused = |error| Refusal::login(error, challenge);
    let credentials = credentials(headers).ok_or_else(|| refused(LoginError::Refused))?;
    gate.login_basic(peer, &credentials.login, &credentials.password).await.map_err(refused)
}

/// The credentials of a request; nothing if there are none or they are malformed, which is answered alike.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() || value.len() > MAX_CREDENTIALS {
        return None;
    }
    let scheme = value.get(..6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = Zeroizing::new(BASE64.decode(value[6..].trim_ascii()).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (login, password) = text.split_once(':')?;
    // Windows may put its domain before the login.
    let login = login.rsplit_once('\\').map_or(login, |(_, login)| login);
    if login.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    Some(Credentials { login: login.to_owned(), password: Zeroizing::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).expect("value"));
        credentials(&headers).map(|c| (c.login, c.password.to_string()))
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", BASE64.encode(text))
    }

    #[test]
    fn credentials_are_read_as_clients_send_them() {
        let pair = |login: &str, password: &str| Some((login.to_owned(), password.to_owned()));
        assert_eq!(parsed(&basic("one@example.com:a:b")), pair("one@example.com", "a:b"));
        assert_eq!(parsed(&basic("FIRM\\one:pä")), pair("one", "pä"));
        assert_eq!(parsed(basic("a:b").replace('=', "").replace("Basic", "basic").as_str()), pair("a", "b"));
        assert_eq!(parsed(&basic("a:")), pair("a", ""));
        for bad in ["", "Basic", "Basic !", "Bearer abc", &basic("nocolon"), &basic(":x"), &basic("a:b\n")] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
        assert_eq!(parsed(&basic(&format!("a:{}", "x".repeat(5000)))), None);
    }

    #[test]
    fn two_authorization_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(credentials(&headers).is_none());
    }

    #[test]
    fn a_realm_cannot_break_out_of_its_quotes() {
        assert_eq!(challenge("A \"firm\"\\\r\n"), "Basic realm=\"A firm\", charset=\"UTF-8\"");
    }
}
