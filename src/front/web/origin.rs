//! Which site a form comes from: another one must not send anything in somebody's name, signing in included.

use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;

/// False if a browser says that the request comes from another site. Every browser of today says where it comes from
/// (Fetch Metadata; before that, the `Origin` of every POST); who says nothing is no browser and has no cookie to abuse.
pub(super) fn is_own(parts: &Parts) -> bool {
    let header = |name: &str| parts.headers.get(name).map(|value| value.as_bytes());
    match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, b"same-origin" | b"none"),
        (None, None) => true,
        (None, Some(origin)) => host(parts).is_some_and(|host| format!("https://{host}").as_bytes() == origin),
    }
}

/// The host that the browser means: `:authority` of HTTP/2 or the `Host` header, in small letters.
pub(super) fn host(parts: &Parts) -> Option<String> {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| of_header(&parts.headers)).map(str::to_ascii_lowercase)
}

fn of_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::post("/sign-in").header("host", "Box.example:8443");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_form_of_another_site_is_told_by_what_the_browser_says_of_it() {
        assert!(is_own(&parts(&[])));
        assert!(is_own(&parts(&[("origin", "https://box.example:8443")])));
        assert!(is_own(&parts(&[("sec-fetch-site", "same-origin"), ("origin", "null")])));
        assert!(is_own(&parts(&[("sec-fetch-site", "none")])));
        for foreign in [
            &[("origin", "https://box.example")][..],
            &[("origin", "http://box.example:8443")],
            &[("origin", "https://box.example:8443.evil.example")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://box.example:8443")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_own(&parts(foreign)), "{foreign:?}");
        }
    }
}
