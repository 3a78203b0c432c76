//! Writing XML: escaping, and which characters and names may stand in a document at all.

/// Appends text as character data or as an attribute's value (in double quotes). Every character that XML 1.0 does not
/// allow (section 2.2) is left out; nothing that was parsed here contains one.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A bare carriage return, or white space in an attribute, would come back as something else.
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if is_char(c) => out.push(c),
            _ => {}
        }
    }
}

/// XML 1.0 section 2.2, `Char`.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A name without a colon (Namespaces in XML 1.0, `NCName`).
pub(super) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// XML 1.0 section 2.3, `NameStartChar` without the colon.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut out = String::new();
        push_escaped(&mut out, "a<b>&\"]]>\r\u{1}\u{fffe}é");
        assert_eq!(out, "a&lt;b&gt;&amp;&quot;]]&gt;&#13;é");
    }

    #[test]
    fn names_are_those_of_the_standard() {
        for good in ["a", "_", "Win32CreationTime", "ä-1.x", "名"] {
            assert!(is_ncname(good), "{good}");
        }
        for bad in ["", "1", "-a", "a:b", "a b", "a\"", "a=", "a/", "\u{300}"] {
            assert!(!is_ncname(bad), "{bad}");
        }
    }
}
