//! Live properties: what the server computes from an entry (RFC 4918 section 15, RFC 4331).

use hyper::StatusCode;

use super::headers::token_uri;
use super::location::href;
use super::multistatus::{push_href, push_status};
use super::requests::{Find, MICROSOFT, PropName};
use super::xml::DAV;
use super::xml_text::push_escaped;
use crate::front::http_conditions::http_date;
use crate::front::media::type_of;
use crate::names::{DocPath, Timestamp};
use crate::vfs::{Lock, LockDepth, Property, Space, Stat};

/// A property that the server computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    CreationDate,
    DisplayName,
    ContentLength,
    ContentType,
    Etag,
    LastModified,
    LockDiscovery,
    ResourceType,
    SupportedLock,
    QuotaAvailable,
    QuotaUsed,
    /// Microsoft's times of making and changing. They are computed, so that they are never older than what another client
    /// has set.
    Win32Created,
    Win32Modified,
}

impl Live {
    /// Those of `allprop` (RFC 4918 section 9.1). Quota is only for who asks (RFC 4331 section 2).
    pub(super) const ALL: [Self; 9] = [
        Self::ResourceType,
        Self::CreationDate,
        Self::LastModified,
        Self::ContentLength,
        Self::ContentType,
        Self::Etag,
        Self::DisplayName,
        Self::SupportedLock,
        Self::LockDiscovery,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::CreationDate => "creationdate",
            Self::DisplayName => "displayname",
            Self::ContentLength => "getcontentlength",
            Self::ContentType => "getcontenttype",
            Self::Etag => "getetag",
            Self::LastModified => "getlastmodified",
            Self::LockDiscovery => "lockdiscovery",
            Self::ResourceType => "resourcetype",
            Self::SupportedLock => "supportedlock",
            Self::QuotaAvailable => "quota-available-bytes",
            Self::QuotaUsed => "quota-used-bytes",
            Self::Win32Created => "Win32CreationTime",
            Self::Win32Modified => "Win32LastModifiedTime",
        }
    }

    /// The live property of that name.
    pub(super) fn find(name: &PropName) -> Option<Self> {
        let quota = [Self::QuotaAvailable, Self::QuotaUsed];
        match name.namespace.as_str() {
            DAV => Self::ALL.into_iter().chain(quota).find(|live| live.name() == name.name),
            MICROSOFT => [Self::Win32Created, Self::Win32Modified].into_iter().find(|live| live.name() == name.name),
            _ => None,
        }
    }

    /// True if an entry has it.
    fn applies(self, entry: &Entry<'_>) -> bool {
        match self {
            Self::ContentLength | Self::ContentType => !entry.stat.is_folder(),
            Self::Etag => entry.stat.etag().is_some(),
            Self::QuotaAvailable | Self::QuotaUsed => entry.space.is_some(),
            Self::DisplayName => entry.stat.name.is_some(),
            Self::CreationDate
            | Self::LastModified
            | Self::LockDiscovery
            | Self::ResourceType
            | Self::SupportedLock
            | Self::Win32Created
            | Self::Win32Modified => true,
        }
    }

    /// Appends the whole element.
    fn write(self, out: &mut String, entry: &Entry<'_>) {
        let name = self.name();
        let (prefix, declared) = match self {
            Self::Win32Created | Self::Win32Modified => ("Z:", " xmlns:Z=\"urn:schemas-microsoft-com:\""),
            _ => ("D:", ""),
        };
        for part in ["<", prefix, name, declared, ">"] {
            out.push_str(part);
        }
        self.write_value(out, entry);
        for part in ["</", prefix, name, ">"] {
            out.push_str(part);
        }
    }

    fn write_value(self, out: &mut String, entry: &Entry<'_>) {
        let stat = entry.stat;
        match self {
            Self::CreationDate => out.push_str(&rfc3339(stat.created)),
            Self::Win32Created => out.push_str(&http_date(stat.created)),
            Self::LastModified | Self::Win32Modified => out.push_str(&http_date(stat.modified)),
            Self::DisplayName => {
                if let Some(name) = &stat.name {
                    push_escaped(out, name.as_str());
                }
            }
            Self::ContentLength => out.push_str(&stat.size.to_string()),
            Self::ContentType => out.push_str(type_of(stat.name.as_ref())),
            Self::Etag => {
                if let Some(etag) = stat.etag() {
                    out.push('"');
                    push_escaped(out, &etag);
                    out.push('"');
                }
            }
            Self::ResourceType => {
                if stat.is_folder() {
                    out.push_str("<D:collection/>");
                }
            }
            Self::SupportedLock => out.push_str(SUPPORTED),
            Self::LockDiscovery => entry.locks.iter().for_each(|lock| push_active_lock(out, lock)),
            Self::QuotaAvailable => push_quota(out, entry.space.map(|space| space.available)),
            Self::QuotaUsed => push_quota(out, entry.space.map(|space| space.used)),
        }
    }
}

const SUPPORTED: &str = "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>\
    </D:lockentry><D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>";

fn push_quota(out: &mut String, bytes: Option<u64>) {
    if let Some(bytes) = bytes {
        out.push_str(&bytes.to_string());
    }
}

/// RFC 3339, in whole seconds: some clients stumble over a fraction.
fn rfc3339(time: Timestamp) -> String {
    let seconds = time.as_seconds().clamp(0, 253_402_300_799);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Appends an `activelock` (RFC 4918 section 14.1). The token is there only if it is this session's: whoever has it may
/// write.
pub(super) fn push_active_lock(out: &mut String, lock: &Lock) {
    out.push_str("<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope>");
    out.push_str(if lock.shared { "<D:shared/>" } else { "<D:exclusive/>" });
    out.push_str("</D:lockscope><D:depth>");
    out.push_str(match lock.depth {
        LockDepth::Zero => "0",
        LockDepth::Infinity => "infinity",
    });
    out.push_str("</D:depth>");
    if !lock.owner.is_empty() {
        // Written by our own serialiser when the lock was taken.
        out.push_str("<D:owner>");
        out.push_str(&lock.owner);
        out.push_str("</D:owner>");
    }
    let left = lock.expires.as_millis().saturating_sub(Timestamp::now().as_millis()).max(0);
    // Rounded up: a lock just taken shows the time that was asked for.
    out.push_str(&format!("<D:timeout>Second-{}</D:timeout>", left.saturating_add(999) / 1000));
    if let Some(token) = lock.token {
        out.push_str("<D:locktoken>");
        push_href(out, &token_uri(token));
        out.push_str("</D:locktoken>");
    }
    out.push_str("<D:lockroot>");
    push_href(out, &href(&lock.root, false));
    out.push_str("</D:lockroot></D:activelock>");
}

/// One entry, with what was fetched for it.
pub(super) struct Entry<'a> {
    pub(super) path: &'a DocPath,
    pub(super) stat: &'a Stat,
    pub(super) locks: &'a [Lock],
    pub(super) dead: &'a [Property],
    pub(super) space: Option<Space>,
}

/// Appends the `response` of one entry (RFC 4918 section 9.1).
pub(super) fn push_response(out: &mut String, find: &Find, entry: &Entry<'_>) {
    out.push_str("<D:response>");
    push_href(out, &href(entry.path, entry.stat.is_folder()));
    out.push_str("<D:propstat><D:prop>");
    let mut missing: Vec<&PropName> = Vec::new();
    match find {
        Find::All(include) => {
            push_live(out, entry);
            entry.dead.iter().for_each(|property| out.push_str(&property.xml));
            for name in include {
                let known = Live::find(name).is_some_and(|live| Live::ALL.contains(&live))
                    || entry.dead.iter().any(|property| is_named(property, name));
                if !known && !push_named(out, name, entry) {
                    missing.push(name);
                }
            }
        }
        Find::Names => {
            for live in Live::ALL.into_iter().filter(|live| live.applies(entry)) {
                out.push_str("<D:");
                out.push_str(live.name());
                out.push_str("/>");
            }
            entry.dead.iter().for_each(|property| push_empty(out, &property.namespace, &property.name));
        }
        Find::Named(names) => {
            missing.extend(names.iter().filter(|name| !push_named(out, name, entry)));
        }
    }
    // An empty list of found properties still gets its 200: clients look for that propstat.
    out.push_str("</D:prop>");
    push_status(out, StatusCode::OK);
    out.push_str("</D:propstat>");
    if !missing.is_empty() {
        out.push_str("<D:propstat><D:prop>");
        missing.iter().for_each(|name| push_empty(out, &name.namespace, &name.name));
        out.push_str("</D:prop>");
        push_status(out, StatusCode::NOT_FOUND);
        out.push_str("</D:propstat>");
    }
    out.push_str("</D:response>\n");
}

fn push_live(out: &mut String, entry: &Entry<'_>) {
    for live in Live::ALL.into_iter().filter(|live| live.applies(entry)) {
        live.write(out, entry);
    }
}

/// Appends a property by name; false if the entry has none of that name.
fn push_named(out: &mut String, name: &PropName, entry: &Entry<'_>) -> bool {
    if let Some(live) = Live::find(name) {
        let applies = live.applies(entry);
        if applies {
            live.write(out, entry);
        }
        return applies;
    }
    match entry.dead.iter().find(|property| is_named(property, name)) {
        Some(property) => out.push_str(&property.xml),
        None => return false,
    }
    true
}

fn is_named(property: &Property, name: &PropName) -> bool {
    property.name == name.name && property.namespace == name.namespace
}

/// Appends an empty element of that name, with its namespace.
pub(super) fn push_empty(out: &mut String, namespace: &str, name: &str) {
    if namespace == DAV {
        out.push_str("<D:");
        out.push_str(name);
    } else {
        out.push('<');
        out.push_str(name);
        out.push_str(" xmlns=\"");
        push_escaped(out, namespace);
        out.push('"');
    }
    out.push_str("/>");
}

#[cfg(test)]
mod tests {
    use super::super::xml::{Element, parse};
    use super::*;
    use crate::front::http_conditions::tests::document;
    use crate::names::{DocName, LockToken};
    use crate::vfs::Kind;

    fn written(find: &Find, entry: &Entry<'_>) -> (String, Element) {
        let mut out = String::from("<D:multistatus xmlns:D=\"DAV:\">");
        push_response(&mut out, find, entry);
        out.push_str("</D:multistatus>");
        let root = parse(out.as_bytes()).expect("well-formed");
        (out, root)
    }

    fn named(names: &[(&str, &str)]) -> Find {
        let name = |(namespace, name): &(&str, &str)| PropName { namespace: (*namespace).into(), name: (*name).into() };
        Find::Named(names.iter().map(name).collect())
    }

    #[test]
    fn what_is_there_is_200_and_what_is_not_is_404() {
        let stat = document(3);
        let path = DocPath::parse(b"/m/a.pdf").expect("path");
        let entry = Entry { path: &path, stat: &stat, locks: &[], dead: &[], space: None };
        let find =
            named(&[(DAV, "getetag"), (DAV, "nonsense"), ("urn:<&\">", "x"), (DAV, "quota-used-bytes"), ("", "n")]);
        let (text, _) = written(&find, &entry);
        let etag = stat.etag().expect("document");
        assert!(text.contains(&format!("<D:getetag>\"{etag}\"</D:getetag>")), "{text}");
        assert!(text.contains(
            "<D:prop><D:nonsense/><x xmlns=\"urn:&lt;&amp;&quot;&gt;\"/><D:quota-used-bytes/><n xmlns=\"\"/></D:prop>\
             <D:status>HTTP/1.1 404 Not Found</D:status>"
        ));
    }

    #[test]
    fn all_properties_are_written_escaped_and_dead_ones_as_they_came() {
        let mut stat = document(1);
        stat.name = DocName::parse("<b> & \"ü\".docx".as_bytes()).ok();
        let path = DocPath::parse("/<b> & \"ü\".docx".as_bytes()).expect("path");
        let dead = [Property { namespace: "u".into(), name: "p".into(), xml: "<p xmlns=\"u\">v</p>".into() }];
        let entry = Entry { path: &path, stat: &stat, locks: &[], dead: &dead, space: None };
        let (text, root) = written(&Find::All(vec![]), &entry);
        assert!(text.contains("<D:displayname>&lt;b&gt; &amp; &quot;ü&quot;.docx</D:displayname>"));
        assert!(text.contains("<D:creationdate>2001-09-09T01:46:40Z</D:creationdate>"));
        assert!(text.contains("<D:getlastmodified>Sun, 09 Sep 2001 01:55:00 GMT</D:getlastmodified>"));
        assert!(text.contains("<p xmlns=\"u\">v</p>") && text.contains("<D:resourcetype></D:resourcetype>"));
        assert_eq!(root.elements().count(), 1);
        let (names, _) = written(&Find::Names, &entry);
        assert!(
            names.contains("<D:getcontentlength/>") && names.contains("<p xmlns=\"u\"/>") && !names.contains("1000")
        );
    }

    #[test]
    fn a_folder_is_a_collection_with_quota_for_who_asks() {
        let stat = Stat { kind: Kind::Folder, name: None, node: None, size: 0, ..document(0) };
        let space = Some(Space { used: 7, available: 11 });
        let entry = Entry { path: &DocPath::root(), stat: &stat, locks: &[], dead: &[], space };
        let (text, _) =
            written(&named(&[(DAV, "resourcetype"), (DAV, "quota-available-bytes"), (DAV, "getetag")]), &entry);
        assert!(
            text.contains("<D:href>/dav/</D:href>")
                && text.contains("<D:resourcetype><D:collection/></D:resourcetype>")
        );
        assert!(text.contains("<D:quota-available-bytes>11</D:quota-available-bytes>"));
        assert!(text.contains("<D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 404 Not Found"));
        let (text, _) = written(&Find::All(vec![]), &entry);
        assert!(!text.contains("quota") && !text.contains("getcontentlength"));
    }

    #[test]
    fn the_token_of_somebody_elses_lock_is_not_shown() {
        let lock = |token| Lock {
            token,
            shared: false,
            depth: LockDepth::Infinity,
            owner: "<D:href xmlns:D=\"DAV:\">x</D:href>".into(),
            expires: Timestamp::now().after(std::time::Duration::from_secs(100)),
            root: DocPath::parse(b"/a b").expect("path"),
        };
        let mut out = String::new();
        push_active_lock(&mut out, &lock(None));
        assert!(!out.contains("locktoken") && out.contains("<D:lockroot><D:href>/dav/a%20b</D:href></D:lockroot>"));
        let mut out = String::new();
        push_active_lock(&mut out, &lock(Some(LockToken::from_bytes([1; 16]))));
        assert!(out.contains("<D:locktoken><D:href>opaquelocktoken:01010101-0101-"));
    }
}
