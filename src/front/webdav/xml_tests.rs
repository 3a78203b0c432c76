//! Tests of the XML reader and writer.

use proptest::prelude::*;

use super::*;

fn rewritten(text: &str) -> Result<String, XmlError> {
    let mut out = String::new();
    parse(text.as_bytes())?.write(&mut out);
    Ok(out)
}

#[test]
fn bombs_are_refused_while_they_are_read() {
    let deep = format!("{}{}", "<a>".repeat(2000), "</a>".repeat(2000));
    assert_eq!(rewritten(&deep), Err(XmlError::TooMuch));
    let entity = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><a>&c;</a>";
    assert_eq!(rewritten(entity), Err(XmlError::DocumentType));
    assert_eq!(rewritten("<a>&c;</a>"), Err(XmlError::Malformed));
    let namespaces: String = (0..2800).map(|i| format!(" xmlns:n{i}=\"u{i}\"")).collect();
    assert_eq!(rewritten(&format!("<a{namespaces}/>")), Err(XmlError::TooMuch));
    let attributes: String = (0..2800).map(|i| format!(" n{i}=\"u\"")).collect();
    assert_eq!(rewritten(&format!("<a{attributes}/>")), Err(XmlError::TooMuch));
    let spread = "<b x='1' xmlns:y='z'/>".repeat(300);
    assert_eq!(rewritten(&format!("<a>{spread}</a>")), Err(XmlError::TooMuch));
    assert_eq!(rewritten(&format!("<a>{}</a>", "<b/>".repeat(10_000))), Err(XmlError::TooMuch));
    let long = format!("<a xmlns:p=\"{}\">{}</a>", "u".repeat(30_000), "<p:b/>".repeat(4000));
    assert_eq!(rewritten(&long), Err(XmlError::TooMuch));
    assert_eq!(rewritten(&format!("<{}/>", "a".repeat(300))), Err(XmlError::TooMuch));
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for bad in [
        "",
        " ",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a b=1/>",
        "<a b/>",
        "<p:a/>",
        "<a p:b=\"\"/>",
        "<a xmlns:p=\"\"/>",
        "<a xmlns:xmlns=\"u\"/>",
        "<a xmlns:xml=\"u\"/>",
        "<a xmlns:p=\"u\" xmlns:q=\"u\" p:x=\"1\" q:x=\"2\"/>",
        "<a b=\"<\"/>",
        "<a>&#0;</a>",
        "<a>&#1;</a>",
        "<a>\u{1}</a>",
        "<a>&nbsp;</a>",
        "<a b=\"&x;\"/>",
        "<a:b:c xmlns:a=\"u\"/>",
        "<:a/>",
        "<1/>",
        "<a\"/>",
        "<a",
        "<!-- a -- b --><a/>",
        "<a><![CDATA[</a>",
    ] {
        assert_eq!(rewritten(bad), Err(XmlError::Malformed), "{bad}");
    }
    assert_eq!(parse(b"<a>\xff</a>"), Err(XmlError::Encoding));
    assert_eq!(rewritten("<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>"), Err(XmlError::Encoding));
}

#[test]
fn an_element_is_written_with_its_namespaces_wherever_they_were_declared() {
    let root = parse(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><D:set xmlns:D=\"DAV:\" xmlns:z=\"urn:z\" xmlns=\"urn:d\">\
          <z:v a=\"1\" z:b=\"&lt;2\"><y>t &amp; <![CDATA[<u>]]></y><none xmlns=\"\"/></z:v></D:set>",
    )
    .expect("well-formed");
    assert!(root.is("set"));
    let mut out = String::new();
    root.elements().next().expect("child").write(&mut out);
    assert_eq!(
        out,
        "<z:v xmlns:z=\"urn:z\" a=\"1\" z:b=\"&lt;2\"><y xmlns=\"urn:d\">t &amp; &lt;u&gt;</y><none/></z:v>"
    );
}

#[test]
fn the_language_in_scope_goes_with_the_value() {
    let mut element = parse(b"<a/>").expect("well-formed");
    element.inherit_language(Some("de"));
    element.inherit_language(Some("en"));
    let mut out = String::new();
    element.write(&mut out);
    assert_eq!(out, "<a xml:lang=\"de\"/>");
    assert_eq!(parse(out.as_bytes()).expect("again").language(), Some("de"));
}

fn element() -> impl Strategy<Value = Element> {
    let name = "[a-z_][a-z0-9.-]{0,5}";
    let namespace = prop_oneof![
        Just(("".to_owned(), "".to_owned())),
        ("[pq]", "urn:[a-c<&\"]{1,3}").prop_map(|(prefix, namespace)| (prefix, namespace)),
        "urn:[a-c]".prop_map(|namespace| (String::new(), namespace)),
    ];
    let text = "[a-z<>&\"'\\]\r\n\té ]{1,8}";
    let leaf = (namespace.clone(), name, text).prop_map(|((prefix, namespace), name, value)| Element {
        prefix,
        namespace,
        name,
        attributes: vec![Attribute { prefix: "".into(), namespace: "".into(), name: "a".into(), value }],
        children: vec![],
    });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let child = prop_oneof![inner.prop_map(Node::Element), text.prop_map(Node::Text)];
        (namespace.clone(), name, proptest::collection::vec(child, 0..4)).prop_map(
            |((prefix, namespace), name, mut children)| {
                // Two texts side by side are one when read back.
                children.dedup_by(|a, b| matches!((a, b), (Node::Text(_), Node::Text(_))));
                Element { prefix, namespace, name, attributes: vec![], children }
            },
        )
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_it_was(element in element()) {
        let mut out = String::new();
        element.write(&mut out);
        prop_assert_eq!(parse(out.as_bytes()), Ok(element), "{}", out);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(
        prop_oneof![Just(b'<'), Just(b'>'), Just(b'/'), Just(b'&'), Just(b';'), Just(b'a'), Just(b':'), Just(b'"'), Just(b'='), any::<u8>()], 0..60,
    )) {
        let _ = parse(&bytes);
    }
}
