//! One function per parser, for the fuzz targets and for corpora that run as tests: none may panic, whatever comes.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::headers;
use super::if_header::IfHeader;
use super::location::{Location, parse_reference};
use super::properties::Live;
use super::requests::{lockinfo, propfind, proppatch};
use super::xml;
use crate::front::http_conditions::Conditions;
use crate::front::http_range::select;
use crate::names::Front;

const HOST: Option<&str> = Some("box.example");

/// A request body, as each of the methods with one reads it. What is accepted must survive being written and read.
pub fn fuzz_xml(body: &[u8]) {
    if let Ok(element) = xml::parse(body) {
        let mut written = String::new();
        element.write(&mut written);
        match xml::parse(written.as_bytes()) {
            Ok(again) => assert_eq!(again, element, "{written}"),
            // Declared anew at each place, the namespaces may be more than one body may have.
            Err(error) => assert_eq!(error, xml::XmlError::TooMuch, "{written}"),
        }
    }
    let _ = propfind(body);
    let _ = proppatch(body, |name| Live::find(name).is_some());
    let _ = lockinfo(body);
}

/// An `If` header.
pub fn fuzz_if_header(value: &[u8]) {
    if let Ok(header) = IfHeader::parse(value, HOST) {
        let _ = (header.tokens(), header.insists_on_tag());
    }
}

/// A `Range` header, after eight bytes that give the document's size.
pub fn fuzz_range(input: &[u8]) {
    let Some((size, value)) = input.split_first_chunk::<8>() else { return };
    if let Ok(value) = HeaderValue::from_bytes(value) {
        let _ = select(&value, u64::from_le_bytes(*size), Front::Webdav);
    }
}

/// A `Destination` header, and the same text as a request's path.
pub fn fuzz_destination(value: &[u8]) {
    let _ = parse_reference(value, HOST);
    if let Ok(path) = std::str::from_utf8(value) {
        let _ = Location::parse(path);
    }
}

/// A value, as each of the small headers.
pub fn fuzz_conditions(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let _ = (headers::depth(&value), headers::overwrite(&value), headers::timeout(&value));
    let _ = (headers::lock_token(&value), headers::oc_mtime(&value));
    for name in ["if-match", "if-none-match", "if-unmodified-since", "if-modified-since"] {
        let mut map = HeaderMap::new();
        map.append(HeaderName::from_static(name), value.clone());
        let _ = Conditions::parse(&map);
    }
}
