//! Request bodies: a strict, bounded reading of XML into a small tree.
//!
//! What other WebDAV servers fell over is refused here while the text streams past, before anything is built from it:
//! document types (entity bombs), deep nesting (stack overflow), thousands of namespaces or attributes (quadratic work).

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::xml_text::{is_char, is_ncname, push_escaped};

/// The namespace of WebDAV's own elements.
pub(super) const DAV: &str = "DAV:";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

const MAX_DEPTH: usize = 32;
const MAX_NAMESPACES: usize = 64;
const MAX_ATTRIBUTES: usize = 256;
const MAX_ELEMENTS: usize = 4096;
/// Longest name, prefix or namespace, in bytes. Each element carries its namespace, and each is declared anew where it is
/// written: without this bound a body of 64 KiB could become hundreds of megabytes.
const MAX_NAME: usize = 256;

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    /// Not well-formed, or not namespace-well-formed.
    #[error("the request body is not well-formed XML")]
    Malformed,
    /// A document type declaration, which could define entities.
    #[error("a document type declaration is not allowed in a request body")]
    DocumentType,
    /// One of the bounds above.
    #[error("the request body has too many elements, levels, namespaces or attributes")]
    TooMuch,
    /// Not UTF-8.
    #[error("the request body must be UTF-8")]
    Encoding,
    /// Well-formed, but not what the method takes.
    #[error("the request body is not what this method takes")]
    Unexpected,
}

/// An element with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    prefix: String,
    /// Namespace; empty for none.
    pub(super) namespace: String,
    /// Local name.
    pub(super) name: String,
    attributes: Vec<Attribute>,
    pub(super) children: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    prefix: String,
    namespace: String,
    name: String,
    value: String,
}

/// What stands in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

/// Parses a document and returns its root element.
pub(super) fn parse(body: &[u8]) -> Result<Element, XmlError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| XmlError::Encoding)?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut builder = Builder::default();
    loop {
        match reader.read_event().map_err(|_| XmlError::Malformed)? {
            Event::Start(tag) => builder.open(&tag)?,
            Event::Empty(tag) => {
                builder.open(&tag)?;
                builder.close()?;
            }
            Event::End(_) => builder.close()?,
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(text) => builder.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let named = match &*reference {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().map_err(|_| XmlError::Malformed)?,
                };
                builder.text(named.ok_or(XmlError::Malformed)?.encode_utf8(&mut [0; 4]))?;
            }
            Event::Decl(declaration) => match declaration.encoding() {
                None => {}
                Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => {}
                Some(_) => return Err(XmlError::Encoding),
            },
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

/// Builds the tree with a stack of its own, so that nesting costs heap and is bounded.
#[derive(Default)]
struct Builder {
    open: Vec<(Element, usize)>,
    root: Option<Element>,
    /// Prefix and namespace of every declaration in scope, innermost last.
    scope: Vec<(String, String)>,
    namespaces: usize,
    attributes: usize,
    elements: usize,
}

impl Builder {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.open.len() == MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(XmlError::TooMuch);
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        let scope_before = self.scope.len();
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| XmlError::Malformed)?;
            self.attributes += 1;
            if self.attributes > MAX_ATTRIBUTES {
                return Err(XmlError::TooMuch);
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| XmlError::Malformed)?;
            if attribute.value.contains('<') || !value.chars().all(is_char) {
                return Err(XmlError::Malformed);
            }
            match split(attribute.key.as_ref())? {
                ("", "xmlns") => self.declare("", &value)?,
                ("xmlns", prefix) => self.declare(prefix, &value)?,
                (prefix, name) => attributes.push((prefix.to_owned(), name.to_owned(), value.into_owned())),
            }
        }
        let (prefix, name) = split(tag.name().into_inner())?;
        let namespace = self.resolve(prefix)?.to_owned();
        let attributes = attributes
            .into_iter()
            .map(|(prefix, name, value)| {
                // An attribute without a prefix is in no namespace, whatever the default is.
                let namespace = if prefix.is_empty() { String::new() } else { self.resolve(&prefix)?.to_owned() };
                Ok(Attribute { prefix, namespace, name, value })
            })
            .collect::<Result<Vec<_>, XmlError>>()?;
        let twin = |a: &Attribute, b: &Attribute| a.namespace == b.namespace && a.name == b.name;
        if attributes.iter().enumerate().any(|(i, a)| attributes[..i].iter().any(|b| twin(a, b))) {
            return Err(XmlError::Malformed);
        }
        let element =
            Element { prefix: prefix.to_owned(), namespace, name: name.to_owned(), attributes, children: Vec::new() };
        self.open.push((element, scope_before));
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlError> {
        let (element, scope) = self.open.pop().ok_or(XmlError::Malformed)?;
        self.scope.truncate(scope);
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        if !text.chars().all(is_char) {
            return Err(XmlError::Malformed);
        }
        match self.open.last_mut() {
            Some((element, _)) => match element.children.last_mut() {
                Some(Node::Text(before)) => before.push_str(text),
                _ => element.children.push(Node::Text(text.to_owned())),
            },
            None if text.bytes().all(|b| b.is_ascii_whitespace()) => {}
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, XmlError> {
        if self.open.is_empty() { self.root.ok_or(XmlError::Malformed) } else { Err(XmlError::Malformed) }
    }

    fn declare(&mut self, prefix: &str, namespace: &str) -> Result<(), XmlError> {
        self.namespaces += 1;
        if self.namespaces > MAX_NAMESPACES || namespace.len() > MAX_NAME {
            return Err(XmlError::TooMuch);
        }
        // Namespaces in XML 1.0 section 3: reserved names, and a prefix cannot be undeclared.
        let reserved = prefix == "xmlns" || namespace == XMLNS || (prefix == "xml") != (namespace == XML);
        if reserved || (!prefix.is_empty() && namespace.is_empty()) {
            return Err(XmlError::Malformed);
        }
        self.scope.push((prefix.to_owned(), namespace.to_owned()));
        Ok(())
    }

    fn resolve(&self, prefix: &str) -> Result<&str, XmlError> {
        match self.scope.iter().rev().find(|(declared, _)| declared == prefix) {
            Some((_, namespace)) => Ok(namespace),
            None if prefix.is_empty() => Ok(""),
            None if prefix == "xml" => Ok(XML),
            None => Err(XmlError::Malformed),
        }
    }
}

/// `prefix:name` or `name`, both checked.
fn split(name: &str) -> Result<(&str, &str), XmlError> {
    if name.len() > MAX_NAME {
        return Err(XmlError::TooMuch);
    }
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let good = is_ncname(local) && (!name.contains(':') || is_ncname(prefix));
    if good { Ok((prefix, local)) } else { Err(XmlError::Malformed) }
}

impl Element {
    /// True if this is the element of that name in the DAV namespace.
    pub(super) fn is(&self, name: &str) -> bool {
        self.namespace == DAV && self.name == name
    }

    /// The elements in it.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The text in it, without that of the elements in it.
    pub(super) fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// The value of `xml:lang` here.
    pub(super) fn language(&self) -> Option<&str> {
        let lang = |a: &&Attribute| a.namespace == XML && a.name == "lang";
        self.attributes.iter().find(lang).map(|attribute| attribute.value.as_str())
    }

    /// Gives the element a language, unless it has one (RFC 4918 section 4.3: that in scope belongs to the value).
    pub(super) fn inherit_language(&mut self, language: Option<&str>) {
        if let (Some(language), None) = (language, self.language()) {
            self.attributes.push(Attribute {
                prefix: "xml".to_owned(),
                namespace: XML.to_owned(),
                name: "lang".to_owned(),
                value: language.to_owned(),
            });
        }
    }

    /// Writes the element with all namespaces declared that it uses, so that it can stand anywhere.
    pub(super) fn write(&self, out: &mut String) {
        write_element(self, out, &mut Vec::new());
    }

    /// Writes what is in the element.
    pub(super) fn write_content(&self, out: &mut String) {
        write_nodes(&self.children, out, &mut Vec::new());
    }
}

/// Recursion is bounded by `MAX_DEPTH`.
fn write_element<'a>(element: &'a Element, out: &mut String, scope: &mut Vec<(&'a str, &'a str)>) {
    let before = scope.len();
    out.push('<');
    push_name(out, &element.prefix, &element.name);
    declare(out, scope, &element.prefix, &element.namespace);
    for attribute in &element.attributes {
        if !attribute.prefix.is_empty() {
            declare(out, scope, &attribute.prefix, &attribute.namespace);
        }
        out.push(' ');
        push_name(out, &attribute.prefix, &attribute.name);
        out.push_str("=\"");
        push_escaped(out, &attribute.value);
        out.push('"');
    }
    if element.children.is_empty() {
        out.push_str("/>");
    } else {
        out.push('>');
        write_nodes(&element.children, out, scope);
        out.push_str("</");
        push_name(out, &element.prefix, &element.name);
        out.push('>');
    }
    scope.truncate(before);
}

fn write_nodes<'a>(nodes: &'a [Node], out: &mut String, scope: &mut Vec<(&'a str, &'a str)>) {
    for node in nodes {
        match node {
            Node::Element(element) => write_element(element, out, scope),
            Node::Text(text) => push_escaped(out, text),
        }
    }
}

fn push_name(out: &mut String, prefix: &str, name: &str) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(name);
}

fn declare<'a>(out: &mut String, scope: &mut Vec<(&'a str, &'a str)>, prefix: &'a str, namespace: &'a str) {
    let known = scope.iter().rev().find(|(declared, _)| *declared == prefix).map(|(_, namespace)| *namespace);
    if prefix == "xml" || known == Some(namespace) || (known.is_none() && prefix.is_empty() && namespace.is_empty()) {
        return;
    }
    out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
    out.push_str(prefix);
    out.push_str("=\"");
    push_escaped(out, namespace);
    out.push('"');
    scope.push((prefix, namespace));
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
