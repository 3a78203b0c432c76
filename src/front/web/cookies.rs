//! The two cookies: that of a session, and that of a sign-in which waits for its code (RFC 6265bis; `__Host-` binds a cookie to
//! this host, this path and TLS).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue};

/// Of somebody who has signed in.
pub(super) const SESSION: &str = "__Host-deedbox";
/// Of somebody whose password was right and whose code is still to come.
pub(super) const HALF: &str = "__Host-deedbox-code";

/// 256 random bits, which only the browser keeps.
pub(super) struct Token(String);

/// SHA-256 of a token: all that is kept here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenKey([u8; 32]);

impl Token {
    /// # Panics
    /// If the operating system gives no random bytes.
    pub(super) fn random() -> Self {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn key(&self) -> TokenKey {
        TokenKey::of(&self.0)
    }

    /// As text, for a token that stands in forms.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl TokenKey {
    fn of(text: &str) -> Self {
        let mut key = [0u8; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(key)
    }

    /// That of a cookie of the request.
    pub(super) fn in_cookie(headers: &HeaderMap, name: &str) -> Option<Self> {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(';'));
        let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(found, _)| *found == name);
        values.next().filter(|(_, value)| value.len() == 43).map(|(_, value)| Self::of(value))
    }
}

/// `Set-Cookie` for a new token. The browser forgets it when it is closed.
pub(super) fn set(name: &str, token: &Token) -> HeaderValue {
    cookie(format!("{name}={}; Path=/; Secure; HttpOnly; SameSite=Lax", token.0))
}

/// `Set-Cookie` that takes a cookie away.
pub(super) fn clear(name: &str) -> HeaderValue {
    cookie(format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"))
}

fn cookie(text: String) -> HeaderValue {
    // Letters, digits and a few signs: always a header value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_again_in_its_cookie_and_nothing_else_is() {
        let token = Token::random();
        let mut headers = HeaderMap::new();
        let found = |headers: &HeaderMap| TokenKey::in_cookie(headers, SESSION);
        assert!(found(&headers).is_none());
        headers.append(COOKIE, HeaderValue::from_static("a=b; __Host-deedbox-code=x"));
        assert!(found(&headers).is_none());
        headers.append(COOKIE, HeaderValue::try_from(format!("c=d; {SESSION}={}", token.0)).expect("value"));
        assert!(found(&headers) == Some(token.key()));
        assert!(Token::random().key() != token.key());
        let set = set(SESSION, &token);
        let set = set.to_str().expect("text");
        assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax") && set.len() < 130, "{set}");
    }
}
