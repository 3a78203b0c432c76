//! Where each policy of a file begins and ends.
//!
//! Cedar does not tell where the policies that it read stand in their text. Cut at their semicolons, each is parsed alone:
//! it has its place then, and no mistake hides another.

use std::ops::Range;

/// The policies of a text, each from its first word to its semicolon; what is left at the end without one, too.
pub(super) fn statements(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut start = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            byte if byte.is_ascii_whitespace() => {}
            b'"' => {
                start.get_or_insert(at);
                at = end_of_string(bytes, at);
                continue;
            }
            b';' => found.push(start.take().unwrap_or(at)..at + 1),
            _ => {
                start.get_or_insert(at);
            }
        }
        at += 1;
    }
    found.extend(start.map(|start| start..text.trim_end().len()));
    found
}

/// Where brackets stand too deep within one another, if anywhere. Cedar's parser and evaluator go down once for each and have
/// no bound of their own: 20,000 overflow the stack.
pub(super) fn too_deep(statement: &str, most: usize) -> Option<usize> {
    let bytes = statement.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' => {
                at = end_of_string(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Past the closing quote, or the end of the text.
fn end_of_string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        statements(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_semicolon_ends_a_policy_except_in_strings_and_comments() {
        assert_eq!(cut("// one; two\na \"x;\\\";\" b; /* */ c;\n // end"), ["a \"x;\\\";\" b;", "/* */ c;"]);
        assert_eq!(cut("a;b"), ["a;", "b"]);
        assert_eq!(cut("ä \"never closed;"), ["ä \"never closed;"]);
        assert_eq!(cut(" // nothing"), Vec::<&str>::new());
        assert_eq!(cut(";"), [";"]);
    }

    #[test]
    fn depth_is_counted_outside_of_strings_and_comments() {
        assert_eq!(too_deep("([{ \"((((\" // ((((\n }])", 3), None);
        assert_eq!(too_deep("([{(", 3), Some(3));
        assert_eq!(too_deep("()()()()", 1), None);
    }
}
