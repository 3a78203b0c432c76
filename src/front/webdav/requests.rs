//! The XML bodies of RFC 4918 section 14 as the methods need them.

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;

use super::status::Refusal;
use super::xml::{DAV, Element, Node, XmlError, parse};
use crate::front::http_upload::Upload;
use crate::front::limits::Limit;
use crate::names::Timestamp;
use crate::vfs::{Property, PropertyChange};

/// The longest `owner` of a lock, and the largest dead property, in bytes of XML.
const MAX_OWNER: usize = 4 * 1024;
const MAX_PROPERTY: usize = 6 * 1024;
/// How many properties one request may name.
const MAX_NAMES: usize = 256;

/// Microsoft's properties, which Windows sets after every copy.
pub(super) const MICROSOFT: &str = "urn:schemas-microsoft-com:";

/// The whole body of a request, at most `limit` bytes.
pub(super) async fn read_body(upload: &mut Upload, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let text = "the request body is too large for this method";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text).at(Limit::XmlBytes)
    };
    if upload.length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(data) = upload.next().await? {
        if whole.len() + data.len() > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// A property's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PropName {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl PropName {
    fn of(element: &Element) -> Self {
        Self { namespace: element.namespace.clone(), name: element.name.clone() }
    }
}

/// What a PROPFIND asks for (RFC 4918 section 9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Find {
    /// Everything, and these besides.
    All(Vec<PropName>),
    /// The names of everything.
    Names,
    /// These.
    Named(Vec<PropName>),
}

/// Parses the body of a PROPFIND; an empty one means everything.
pub(super) fn propfind(body: &[u8]) -> Result<Find, XmlError> {
    if body.is_empty() {
        return Ok(Find::All(Vec::new()));
    }
    let root = parse(body)?;
    if !root.is("propfind") {
        return Err(XmlError::Unexpected);
    }
    let names = |element: &Element| -> Result<Vec<PropName>, XmlError> {
        let mut names: Vec<PropName> = Vec::new();
        for name in element.elements().map(PropName::of) {
            if !names.contains(&name) {
                names.push(name);
            }
            if names.len() > MAX_NAMES {
                return Err(XmlError::TooMuch);
            }
        }
        Ok(names)
    };
    let mut found = None;
    let mut include = None;
    for element in root.elements().filter(|element| element.namespace == DAV) {
        let slot = match element.name.as_str() {
            "allprop" => found.replace(Find::All(Vec::new())).is_some(),
            "propname" => found.replace(Find::Names).is_some(),
            "prop" => found.replace(Find::Named(names(element)?)).is_some(),
            "include" => include.replace(names(element)?).is_some(),
            // Unknown elements are ignored (RFC 4918 section 17).
            _ => false,
        };
        if slot {
            return Err(XmlError::Unexpected);
        }
    }
    match (found, include) {
        (Some(Find::All(_)), include) => Ok(Find::All(include.unwrap_or_default())),
        (Some(find), None) => Ok(find),
        _ => Err(XmlError::Unexpected),
    }
}

/// One instruction of a PROPPATCH (RFC 4918 section 9.2), in the order of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Patch {
    /// A dead property to store or remove.
    Dead(PropertyChange),
    /// A time is to be this.
    Time(PropName, Settable, Timestamp),
    /// A live property that nobody can change, or a time that cannot be read.
    Protected(PropName),
    /// Larger than a property may be.
    TooLarge(PropName),
}

/// The times that a client may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settable {
    /// `getlastmodified`, `Win32LastModifiedTime`.
    Modified,
    /// `creationdate`, `Win32CreationTime`.
    Created,
}

impl Settable {
    fn find(name: &PropName) -> Option<Self> {
        match (name.namespace.as_str(), name.name.as_str()) {
            (DAV, "getlastmodified") | (MICROSOFT, "Win32LastModifiedTime") => Some(Self::Modified),
            (DAV, "creationdate") | (MICROSOFT, "Win32CreationTime") => Some(Self::Created),
            _ => None,
        }
    }
}

impl Patch {
    /// The property that it is about.
    pub(super) fn name(&self) -> PropName {
        match self {
            Self::Dead(PropertyChange::Set(property)) => {
                PropName { namespace: property.namespace.clone(), name: property.name.clone() }
            }
            Self::Dead(PropertyChange::Remove(namespace, name)) => {
                PropName { namespace: namespace.clone(), name: name.clone() }
            }
            Self::Time(name, ..) | Self::Protected(name) | Self::TooLarge(name) => name.clone(),
        }
    }
}

/// Parses the body of a PROPPATCH. `live` says which properties the server computes.
pub(super) fn proppatch(body: &[u8], live: impl Fn(&PropName) -> bool) -> Result<Vec<Patch>, XmlError> {
    let root = parse(body)?;
    if !root.is("propertyupdate") {
        return Err(XmlError::Unexpected);
    }
    let mut patches = Vec::new();
    for instruction in root.elements() {
        let set = match (instruction.is("set"), instruction.is("remove")) {
            (true, _) => true,
            (_, true) => false,
            _ => continue,
        };
        for prop in instruction.elements().filter(|element| element.is("prop")) {
            let language = prop.language().or(instruction.language()).or(root.language());
            for element in prop.elements() {
                patches.push(patch(element, set, language, &live));
                if patches.len() > MAX_NAMES {
                    return Err(XmlError::TooMuch);
                }
            }
        }
    }
    if patches.is_empty() { Err(XmlError::Unexpected) } else { Ok(patches) }
}

fn patch(element: &Element, set: bool, language: Option<&str>, live: &impl Fn(&PropName) -> bool) -> Patch {
    let name = PropName::of(element);
    if live(&name) {
        return match (Settable::find(&name), time(&element.text())) {
            (Some(which), Some(time)) if set => Patch::Time(name, which, time),
            _ => Patch::Protected(name),
        };
    }
    if !set {
        return Patch::Dead(PropertyChange::Remove(name.namespace, name.name));
    }
    let mut element = element.clone();
    element.inherit_language(language);
    let mut xml = String::new();
    element.write(&mut xml);
    if xml.len() > MAX_PROPERTY {
        return Patch::TooLarge(name);
    }
    Patch::Dead(PropertyChange::Set(Property { namespace: name.namespace, name: name.name, xml }))
}

/// An HTTP date, or RFC 3339 as some clients write it.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time.into());
    }
    text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp::from_millis(time.as_millisecond()))
}

/// What a LOCK asks for (RFC 4918 section 14.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockInfo {
    pub(super) shared: bool,
    /// The content of `owner`, as XML.
    pub(super) owner: String,
}

/// Parses the body of a LOCK.
pub(super) fn lockinfo(body: &[u8]) -> Result<LockInfo, XmlError> {
    let root = parse(body)?;
    if !root.is("lockinfo") {
        return Err(XmlError::Unexpected);
    }
    let only = |name: &str| -> Result<Option<&Element>, XmlError> {
        let mut found = root.elements().filter(|element| element.is(name));
        match (found.next(), found.next()) {
            (element, None) => Ok(element),
            _ => Err(XmlError::Unexpected),
        }
    };
    let holds = |element: &Element, name: &str| element.elements().any(|child| child.is(name));
    let scope = only("lockscope")?.ok_or(XmlError::Unexpected)?;
    let shared = match (holds(scope, "exclusive"), holds(scope, "shared")) {
        (true, false) => false,
        (false, true) => true,
        _ => return Err(XmlError::Unexpected),
    };
    if !only("locktype")?.is_some_and(|kind| holds(kind, "write")) {
        return Err(XmlError::Unexpected);
    }
    let mut owner = String::new();
    if let Some(element) = only("owner")? {
        match element.children.as_slice() {
            [Node::Text(text)] if text.trim().is_empty() => {}
            _ => element.write_content(&mut owner),
        }
    }
    if owner.len() > MAX_OWNER { Err(XmlError::TooMuch) } else { Ok(LockInfo { shared, owner }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(namespace: &str, name: &str) -> PropName {
        PropName { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_propfind_asks_for_one_thing() {
        let find = |inner: &str| propfind(format!("<D:propfind xmlns:D='DAV:'>{inner}</D:propfind>").as_bytes());
        assert_eq!(propfind(b""), Ok(Find::All(vec![])));
        assert_eq!(find("<D:allprop/>"), Ok(Find::All(vec![])));
        assert_eq!(find("<D:propname/>"), Ok(Find::Names));
        assert_eq!(find("<x/><D:prop><D:a/><b/><D:a/></D:prop>"), Ok(Find::Named(vec![name(DAV, "a"), name("", "b")])));
        assert_eq!(find("<D:allprop/><D:include><D:q/></D:include>"), Ok(Find::All(vec![name(DAV, "q")])));
        for bad in ["", "<D:allprop/><D:propname/>", "<D:include/>", "<D:propname/><D:include/>", "<allprop/>"] {
            assert_eq!(find(bad), Err(XmlError::Unexpected), "{bad}");
        }
        assert_eq!(propfind(b"<propfind/>"), Err(XmlError::Unexpected));
        assert_eq!(propfind(b"nonsense"), Err(XmlError::Malformed));
    }

    #[test]
    fn a_proppatch_tells_dead_from_live_and_times_from_the_rest() {
        let body = "<D:propertyupdate xmlns:D='DAV:' xmlns:m='urn:schemas-microsoft-com:' xml:lang='de'>\
            <D:set><D:prop><a xmlns='urn:a'>x</a><D:getetag>1</D:getetag></D:prop></D:set>\
            <D:remove><D:prop><b/><D:getlastmodified/></D:prop></D:remove>\
            <D:set><D:prop><m:Win32LastModifiedTime>Sun, 09 Sep 2001 01:46:40 GMT</m:Win32LastModifiedTime>\
            <D:getlastmodified>2001-09-09T01:46:40Z</D:getlastmodified><D:getlastmodified>soon</D:getlastmodified>\
            <D:creationdate>2001-09-09T01:46:40Z</D:creationdate></D:prop></D:set></D:propertyupdate>";
        let live = |name: &PropName| name.namespace == DAV || name.name == "Win32LastModifiedTime";
        let billion = Timestamp::from_seconds(1_000_000_000);
        let set = Property {
            namespace: "urn:a".to_owned(),
            name: "a".to_owned(),
            xml: "<a xmlns=\"urn:a\" xml:lang=\"de\">x</a>".to_owned(),
        };
        let expected = vec![
            Patch::Dead(PropertyChange::Set(set)),
            Patch::Protected(name(DAV, "getetag")),
            Patch::Dead(PropertyChange::Remove(String::new(), "b".to_owned())),
            Patch::Protected(name(DAV, "getlastmodified")),
            Patch::Time(name(MICROSOFT, "Win32LastModifiedTime"), Settable::Modified, billion),
            Patch::Time(name(DAV, "getlastmodified"), Settable::Modified, billion),
            Patch::Protected(name(DAV, "getlastmodified")),
            Patch::Time(name(DAV, "creationdate"), Settable::Created, billion),
        ];
        assert_eq!(proppatch(body.as_bytes(), live), Ok(expected));
        assert_eq!(proppatch(b"<D:propertyupdate xmlns:D='DAV:'/>", live), Err(XmlError::Unexpected));
        let huge = format!(
            "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><a>{}</a></D:prop></D:set></D:propertyupdate>",
            "x".repeat(7000)
        );
        assert_eq!(proppatch(huge.as_bytes(), live), Ok(vec![Patch::TooLarge(name("", "a"))]));
    }

    #[test]
    fn a_lock_names_its_scope_its_type_and_perhaps_its_owner() {
        let lock = |inner: &str| lockinfo(format!("<D:lockinfo xmlns:D='DAV:'>{inner}</D:lockinfo>").as_bytes());
        let exclusive = "<D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>";
        assert_eq!(lock(exclusive), Ok(LockInfo { shared: false, owner: String::new() }));
        let owner = format!("{exclusive}<D:owner><D:href>mailto:a</D:href> &amp; b</D:owner>");
        let written = "<D:href xmlns:D=\"DAV:\">mailto:a</D:href> &amp; b".to_owned();
        assert_eq!(lock(&owner), Ok(LockInfo { shared: false, owner: written }));
        let shared = exclusive.replace("exclusive", "shared");
        assert_eq!(lock(&shared).map(|info| info.shared), Ok(true));
        for bad in [
            "",
            "<D:lockscope><D:exclusive/></D:lockscope>",
            "<D:lockscope><D:exclusive/><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype>",
            "<D:lockscope/><D:locktype><D:write/></D:locktype>",
            &format!("{exclusive}{exclusive}"),
        ] {
            assert_eq!(lock(bad), Err(XmlError::Unexpected), "{bad}");
        }
        let long = format!("{exclusive}<D:owner>{}</D:owner>", "x".repeat(5000));
        assert_eq!(lock(&long), Err(XmlError::TooMuch));
    }
}
