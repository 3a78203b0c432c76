//! The library's source as these tests read it: a lexer that knows comments, literals, paths and test items, no more.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// One file of source.
pub(crate) struct Source {
    /// From the package's root, with `/`: `src/gate/permit.rs`.
    pub(crate) path: String,
    /// As written.
    pub(crate) text: String,
    /// `text` with comments and the insides of literals blanked; every byte keeps its place.
    pub(crate) code: String,
    /// `code` without what only tests compile; all blank for a file that only tests compile.
    pub(crate) shipped: String,
}

/// A path in the code that starts at the crate's root, resolved: `["gate", "Permit"]`.
pub(crate) struct Reference {
    /// From the crate's root.
    pub(crate) to: Vec<String>,
    /// Where it stands in the file.
    pub(crate) line: usize,
}

/// All files of the library and the binary, in the order of their paths.
pub(crate) fn library() -> Vec<Source> {
    let mut sources = tree("src");
    let test_files: Vec<String> = sources.iter().flat_map(Source::test_files).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        if test_files.iter().any(|test| stem == test || stem.starts_with(&format!("{test}/"))) {
            source.shipped = " ".repeat(source.code.len());
        }
    }
    assert!(sources.len() > 50, "the library's source is not where this test looks for it");
    sources
}

/// All Rust files below a directory of the package; none if there is no such directory.
pub(crate) fn tree(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), directory, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, directory: &str, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(root.join(directory)) else { return };
    for entry in entries {
        let entry = entry.expect("the directory can be read");
        let path = format!("{directory}/{}", entry.file_name().to_str().expect("source files have plain names"));
        if entry.file_type().expect("the entry's type is known").is_dir() {
            if entry.file_name() != "target" {
                collect(root, &path, found);
            }
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("source is UTF-8");
            found.push(Source::new(path, text));
        }
    }
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let code = without_literals(&text);
        let shipped = without_test_items(&code);
        Self { path, text, code, shipped }
    }

    /// The module that the file is: `src/gate/permit.rs` is `["gate", "permit"]`, `src/lib.rs` is `[]`.
    pub(crate) fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut names: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if names.last().is_some_and(|last| last == "mod") || matches!(inner, "lib" | "main") {
            names.pop();
        }
        names
    }

    /// The line, from 1, on which a byte stands.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// Every path in the shipped code that starts with `crate` or `super`, groups expanded.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        // Modules inside the file, each with the depth of the brace that closes it.
        let (mut inline, mut depth, mut last_words) = (Vec::<(String, usize)>::new(), 0, ("", ""));
        let mut at = 0;
        while at < self.shipped.len() {
            let rest = &self.shipped[at..];
            let word = word(rest);
            if !word.is_empty() {
                let continues = self.shipped[..at].trim_end().ends_with("::");
                if matches!(word, "crate" | "super") && !continues {
                    let mut names = self.module();
                    names.extend(inline.iter().map(|(name, _)| name.clone()));
                    for to in paths(rest).into_iter().filter_map(|path| resolve(&names, path)) {
                        found.push(Reference { to, line: self.line(at) });
                    }
                }
                last_words = (last_words.1, word);
                at += word.len();
                continue;
            }
            match rest.as_bytes()[0] {
                b'{' => {
                    depth += 1;
                    if last_words.0 == "mod" {
                        inline.push((last_words.1.to_owned(), depth));
                    }
                    last_words = ("", "");
                }
                b'}' => {
                    inline.retain(|(_, opened)| *opened != depth);
                    depth = depth.saturating_sub(1);
                }
                b' ' | b'\n' => {}
                _ => last_words = ("", ""),
            }
            at += 1;
        }
        found
    }

    /// Files that only tests compile: `mod tests;` under `#[cfg(test)]`, as paths without their extension.
    fn test_files(&self) -> Vec<String> {
        let home = self.path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("src/lib");
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let declared = test_items(&self.code).into_iter().filter_map(|item| {
            let code = self.code[item.clone()].trim_end().strip_suffix(';')?;
            let (_, name) = code.rsplit_once("mod ")?;
            // The name of a `#[path = "..."]` is a literal, and so stands only in the text.
            let text = &self.text[item];
            let named = text.split_once("#[path = \"").and_then(|(_, rest)| rest.split_once(".rs\""));
            Some(named.map_or_else(|| format!("{home}/{name}"), |(file, _)| format!("{folder}/{file}")))
        });
        declared.collect()
    }
}

/// The identifier at the start of some code; empty if there is none.
fn word(code: &str) -> &str {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    &code[..end]
}

/// The paths that start here: one, or with a group in braces as many as it names. `*` and `self` stand as they are.
fn paths(code: &str) -> Vec<Vec<String>> {
    let code = code.trim_start();
    if let Some(group) = code.strip_prefix('{') {
        let mut found = Vec::new();
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        found.extend(paths(&group[start..at]));
                    }
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
        return found;
    }
    let name = if code.starts_with('*') { "*" } else { word(code) };
    match code[name.len()..].trim_start().strip_prefix("::") {
        Some(rest) if !rest.trim_start().starts_with('<') => {
            let inner = paths(rest).into_iter();
            inner.map(|path| [vec![name.to_owned()], path].concat()).collect()
        }
        _ => vec![vec![name.to_owned()]],
    }
}

/// From the crate's root; nothing for a path that leaves it (inside a macro) or is the root itself.
fn resolve(module: &[String], path: Vec<String>) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let mut to = if ups == 0 { Vec::new() } else { module[..module.len().checked_sub(ups)?].to_vec() };
    to.extend(path.into_iter().skip(ups.max(1)).filter(|name| name != "self" && !name.is_empty()));
    (!to.is_empty()).then_some(to)
}

/// Blanks comments and what stands in string and character literals.
fn without_literals(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let (blank, end) = token(text, at);
        for byte in &mut out[blank] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(out).expect("whole characters are blanked")
}

/// One step of the lexer: what of the token that stands here is no code, and where the token ends.
fn token(text: &str, at: usize) -> (Range<usize>, usize) {
    let rest = &text[at..];
    let whole = |length: usize| (at..at + length, at + length);
    if rest.starts_with("//") {
        return whole(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return whole(block_comment(rest));
    }
    let in_word = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r')).filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if let Some(body) = raw[hashes..].strip_prefix('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let end = body.find(&close).map_or(body.len(), |end| end + close.len());
            return whole(rest.len() - body.len() + end);
        }
    }
    // A lifetime has no closing quote behind its first character.
    let mut after = rest.chars().skip(1);
    let is_char = rest.starts_with('\'') && (after.next() == Some('\\') || after.next() == Some('\''));
    if rest.starts_with('"') || is_char {
        let end = at + quoted(rest);
        return (at + 1..end - 1, end);
    }
    let end = at + rest.chars().next().map_or(1, char::len_utf8);
    (end..end, end)
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut end) = (0, 0);
    while end < rest.len() {
        let step = &rest[end..];
        if step.starts_with("/*") {
            depth += 1;
            end += 2;
        } else if step.starts_with("*/") {
            depth -= 1;
            end += 2;
            if depth == 0 {
                break;
            }
        } else {
            end += step.chars().next().map_or(1, char::len_utf8);
        }
    }
    end
}

/// The length of a quoted literal, quotes included.
fn quoted(rest: &str) -> usize {
    let (quote, mut escaped) = (rest.chars().next(), false);
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if Some(c) == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Where items under `#[cfg(test)]` stand, their attributes included.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    let mut from = 0;
    while let Some(start) = code[from..].find("#[cfg(test)]").map(|at| at + from) {
        let mut depth = 0;
        let end = code[start..].char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, ';' | '}')).then_some(start + at + 1)
        });
        from = end.unwrap_or(code.len());
        items.push(start..from);
    }
    items
}

fn without_test_items(code: &str) -> String {
    let mut out = code.to_owned();
    for item in test_items(code) {
        let blank: String = code[item.clone()].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
        out.replace_range(item, &blank);
    }
    out
}

#[test]
fn comments_and_literals_are_no_code_and_bytes_keep_their_places() {
    let text = "a /* b /* c */ d */ \"e \\\" f\" 'g' '\\'' &'h i r#\"j \" k\"# // l\nm \"é\"";
    let code = without_literals(text);
    assert_eq!(code.len(), text.len());
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "\"", "\"", "'", "'", "'", "'", "&'h", "i", "m", "\"", "\""]);
}

#[test]
fn paths_are_resolved_through_groups_and_inner_modules() {
    let text = "use crate::gate::{self, Permit, login::{A, B as C}};\nuse super::store;\nmod inner { use super::super::kv; }\n\
                #[cfg(test)]\nmod tests { use crate::cli; }\nfn f() { crate::vault::open::<u8>(\"crate::front\"); }\n\
                use crate::{keys, names::*};";
    let source = Source::new("src/vault/blobs.rs".to_owned(), text.to_owned());
    let found: Vec<_> = source.references().iter().map(|r| format!("{} {}", r.line, r.to.join("::"))).collect();
    assert_eq!(
        found,
        [
            "1 gate",
            "1 gate::Permit",
            "1 gate::login::A",
            "1 gate::login::B",
            "2 vault::store",
            "3 vault::kv",
            "6 vault::open",
            "7 keys",
            "7 names::*",
        ]
    );
}
