//! Reading a matter type's TOML: every mistake at once, each with its place and what to do about it.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::spec::{FolderSpec, MAX_FOLDER_DEPTH, MAX_FOLDERS, MAX_PARTICIPANT_TYPES, MatterTypeSpec, area_of};
use super::words::{self, quoted};
use crate::names::{Area, DocPath, Rights, Verb, line_and_column};
use crate::policy::{FolderRule, Row};

/// The longest text of a matter type, in bytes.
pub const MAX_SPEC_BYTES: usize = 128 * 1024;
/// How many mistakes are reported at once.
const MAX_MISTAKES: usize = 100;

/// One mistake in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// All mistakes in one text, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecErrors {
    /// Where the text came from, as the caller named it: a file name.
    pub origin: String,
    /// At least one.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Mistake { line, column, message }) in self.mistakes.iter().enumerate() {
            let end_of_last = if n == 0 { "" } else { "\n" };
            write!(f, "{end_of_last}{}:{line}:{column}: {message}", self.origin)?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecErrors {}

/// Reads a matter type. `source` names the text in messages, usually the file.
///
/// # Errors
/// All mistakes of the text; syntax mistakes alone where there are any, since what follows them means little.
pub fn parse_matter_type(text: &str, source: &str) -> Result<MatterTypeSpec, SpecErrors> {
    let mut reader = Reader { text, mistakes: Vec::new() };
    let spec = reader.read();
    match spec {
        Some(spec) if reader.mistakes.is_empty() => Ok(spec),
        _ => Err(reader.into_errors(source)),
    }
}

struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<(usize, String)>,
}

type Value<'t> = Spanned<DeValue<'t>>;

/// A folder whose path could be read; its rule may be wrong, which has then been said.
struct Found {
    path: DocPath,
    rule: Option<FolderRule>,
    place: Range<usize>,
}

impl<'t> Reader<'t> {
    fn read(&mut self) -> Option<MatterTypeSpec> {
        if self.text.len() > MAX_SPEC_BYTES {
            self.wrong(0..0, format!("the text is longer than {MAX_SPEC_BYTES} bytes"));
            return None;
        }
        let (root, syntax) = DeTable::parse_recoverable(self.text);
        for error in syntax {
            self.wrong(error.span().unwrap_or(0..0), format!("this is not TOML: {}", one_line(error.message())));
        }
        if !self.mistakes.is_empty() {
            return None;
        }
        let root = root.get_ref();
        self.only_known(root, &["name", "participants", "folder"], "use `name`, `participants` and `[[folder]]`");
        let name = self.name(root);
        let participants = self.participants(root);
        let folders = self.folders(root, participants.as_deref());
        self.check_tree(&folders);
        let whole = |found: Found| Some(FolderSpec { path: found.path, rule: found.rule? });
        let folders: Vec<_> = folders.into_iter().filter_map(whole).collect();
        let spec = MatterTypeSpec::from_parts(name?, participants?, folders);
        let count = spec.tree().len();
        if count > MAX_FOLDERS {
            self.wrong(0..0, format!("{count} folders are too many: a matter type has at most {MAX_FOLDERS}"));
        }
        Some(spec)
    }

    fn name(&mut self, root: &DeTable<'t>) -> Option<String> {
        let Some(value) = root.get("name") else {
            self.wrong(0..0, "the matter type has no name: write `name = \"General\"`".to_owned());
            return None;
        };
        let name = self.string(value, "name")?;
        match words::title("matter type", name) {
            Ok(name) => Some(name),
            Err(why) => {
                self.wrong(value.span(), why.to_string());
                None
            }
        }
    }

    /// The participant types; nothing if there are none to hold the rows against.
    fn participants(&mut self, root: &DeTable<'t>) -> Option<Vec<String>> {
        const EXAMPLE: &str = "write `participants = [\"client\", \"expert\"]`";
        let Some(value) = root.get("participants") else {
            self.wrong(0..0, format!("the matter type has no participant types: {EXAMPLE}"));
            return None;
        };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value.span(), format!("`participants` is a list: {EXAMPLE}"));
            return None;
        };
        if items.is_empty() || items.len() > MAX_PARTICIPANT_TYPES {
            self.wrong(value.span(), format!("a matter type has 1 to {MAX_PARTICIPANT_TYPES} participant types"));
            return None;
        }
        let mut participants: Vec<String> = Vec::with_capacity(items.len());
        for item in items.iter() {
            let Some(word) = self.string(item, "a participant type") else { continue };
            if !words::is_type_word(word) {
                let rule = "use up to 32 small letters, digits and `-`, a letter first";
                self.wrong(item.span(), format!("{} cannot name a participant type: {rule}", quoted(word)));
            } else if participants.iter().any(|other| other == word) {
                self.wrong(item.span(), format!("{} is named twice", quoted(word)));
            }
            // A bad word is kept for now, so that its rows are not reported on top.
            participants.push(word.to_owned());
        }
        Some(participants)
    }

    fn folders(&mut self, root: &DeTable<'t>, participants: Option<&[String]>) -> Vec<Found> {
        let example = "write `[[folder]]`, then its `path` and `rows`";
        let Some(value) = root.get("folder") else {
            self.wrong(0..0, format!("the matter type has no folder: {example}"));
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value.span(), format!("folders are a list: {example}"));
            return Vec::new();
        };
        if items.is_empty() || items.len() > MAX_FOLDERS {
            self.wrong(value.span(), format!("a matter type has 1 to {MAX_FOLDERS} folders: {example}"));
            return Vec::new();
        }
        items.iter().filter_map(|item| self.folder(item, participants)).collect()
    }

    fn folder(&mut self, item: &Value<'t>, participants: Option<&[String]>) -> Option<Found> {
        let Some(table) = item.get_ref().as_table() else {
            self.wrong(item.span(), "a folder is a table: write `[[folder]]`".to_owned());
            return None;
        };
        let known = ["path", "rows", "closed", "inherit"];
        self.only_known(table, &known, "use `path` and one of `rows`, `closed` and `inherit`");
        let rule = self.rule(item, table, participants);
        let Some(path) = table.get("path") else {
            self.wrong(item.span(), "this folder has no path: write `path = \"Documents/From us\"`".to_owned());
            return None;
        };
        let place = path.span();
        let path = self.path(path)?;
        if let (Area::Messages, Some(FolderRule::Rows(rows))) = (area_of(&path), &rule)
            && rows.iter().any(|row| row.rights & Rights::MESSAGES != row.rights)
        {
            let known = "use `list`, `read` and `create`";
            self.wrong(
                place.clone(),
                format!("messages stay as they were sent: {known} in `{}`", Area::Messages.folder()),
            );
        }
        Some(Found { path, rule, place })
    }

    fn path(&mut self, value: &Value<'t>) -> Option<DocPath> {
        let text = self.string(value, "path")?;
        let path = match DocPath::parse(text.as_bytes()) {
            Ok(path) => path,
            Err(why) => {
                self.wrong(value.span(), format!("{} is no path: {why}", quoted(text)));
                return None;
            }
        };
        let before = self.mistakes.len();
        let area = path.names().first().and_then(|first| Area::of_folder(first.as_str()));
        if area.is_none() {
            let known = Area::ALL.map(Area::folder).join("`, `");
            self.wrong(value.span(), format!("{} is no place for a folder: folders stand in `{known}`", quoted(text)));
        }
        if path.names().len() > MAX_FOLDER_DEPTH {
            self.wrong(value.span(), format!("{} is deeper than {MAX_FOLDER_DEPTH} folders", quoted(text)));
        }
        for name in path.names().iter().filter(|name| !words::is_windows_name(name.as_str())) {
            let rule = "no `< > : \" | ? *`, no space first, no dot or space last";
            self.wrong(value.span(), format!("Windows cannot show {}: {rule}", quoted(name.as_str())));
        }
        (self.mistakes.len() == before).then_some(path)
    }

    /// Exactly one of the three; a folder that says nothing would leave it to a default who may read it.
    fn rule(&mut self, item: &Value<'t>, table: &DeTable<'t>, participants: Option<&[String]>) -> Option<FolderRule> {
        let mut rules = Vec::new();
        for (key, rule) in [("closed", FolderRule::Closed), ("inherit", FolderRule::Inherit)] {
            let Some(value) = table.get(key) else { continue };
            if value.get_ref().as_bool() != Some(true) {
                self.wrong(value.span(), format!("`{key}` can only be `true`: leave it out otherwise"));
                return None;
            }
            rules.push(rule);
        }
        if let Some(value) = table.get("rows") {
            rules.push(FolderRule::Rows(self.rows(value, participants)?));
        }
        if rules.len() > 1 {
            self.wrong(item.span(), "`rows`, `closed` and `inherit` exclude each other: keep one".to_owned());
            return None;
        }
        if rules.is_empty() {
            let choice = "write `rows = { client = \"list read\" }`, `inherit = true` or `closed = true`";
            self.wrong(item.span(), format!("this folder does not say who may use it: {choice}"));
        }
        rules.pop()
    }

    fn rows(&mut self, value: &Value<'t>, participants: Option<&[String]>) -> Option<Vec<Row>> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value.span(), "`rows` is a table: write `rows = { client = \"list read\" }`".to_owned());
            return None;
        };
        if table.is_empty() {
            self.wrong(value.span(), "`rows` is empty: write `closed = true` if no participant may use it".to_owned());
            return None;
        }
        let mut rows = Vec::with_capacity(table.len());
        for (word, rights) in table {
            let known = participants.is_none_or(|all| all.iter().any(|one| one == word.get_ref()));
            if !known {
                let all = participants.unwrap_or_default().join(", ");
                self.wrong(word.span(), format!("{} is none of the participants: {all}", quoted(word.get_ref())));
            }
            let Some(rights) = self.rights(rights) else { continue };
            rows.push(Row { participant_type: word.get_ref().clone().into_owned(), rights });
        }
        let rank = |row: &Row| participants.and_then(|all| all.iter().position(|one| *one == row.participant_type));
        rows.sort_by_key(rank);
        (rows.len() == table.len()).then_some(rows)
    }

    fn rights(&mut self, value: &Value<'t>) -> Option<Rights> {
        let text = self.string(value, "a row")?;
        if text.trim() == "full" {
            return Some(Rights::FULL);
        }
        let mut rights = Rights::NONE;
        for word in text.split_whitespace() {
            let Ok(verb) = word.parse::<Verb>() else {
                let choice = "use list, read, create, update and delete, or full alone for all five";
                self.wrong(value.span(), format!("{} is no right here: {choice}", quoted(word)));
                return None;
            };
            if rights.has(verb) {
                self.wrong(value.span(), format!("`{verb}` stands twice"));
                return None;
            }
            rights = rights | Rights::of(&[verb]);
        }
        if rights.is_empty() {
            self.wrong(value.span(), "this row grants nothing: leave it out".to_owned());
            return None;
        }
        Some(rights)
    }

    /// Names are unique under case folding, spelled one way, and whoever inherits has somebody to inherit from.
    fn check_tree(&mut self, folders: &[Found]) {
        let mut spelled: HashMap<Vec<String>, (String, bool)> = HashMap::new();
        let mut wrong = Vec::new();
        for found in folders {
            let names = found.path.names();
            let mut key = Vec::new();
            for (depth, name) in names.iter().enumerate() {
                key.push(name.folded());
                let last = depth + 1 == names.len();
                let (other, named) = spelled.entry(key.clone()).or_insert_with(|| (name.to_string(), false));
                if *other != name.as_str() {
                    let twin = "Windows and macOS take them for one: use one spelling or another name";
                    wrong.push((found.place.start, format!("`{name}` is also spelled `{other}`; {twin}")));
                    break;
                }
                if last && std::mem::replace(named, true) {
                    wrong.push((found.place.start, format!("`{name}` is described twice in this folder")));
                }
            }
        }
        for found in folders.iter().filter(|found| found.rule == Some(FolderRule::Inherit)) {
            let above = |other: &&Found| {
                let (own, other) = (found.path.names(), other.path.names());
                other.len() < own.len() && own.starts_with(other)
            };
            if !folders.iter().filter(above).any(|other| other.rule != Some(FolderRule::Inherit)) {
                let instead = "no folder above says who may use it; give it rows of its own or close it";
                wrong.push((found.place.start, format!("there is nothing to inherit: {instead}")));
            }
        }
        wrong.into_iter().for_each(|(at, message)| self.wrong(at..at, message));
    }

    fn string<'v>(&mut self, value: &'v Value<'t>, what: &str) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let instead = format!("{what} is text in quotes, not a value of type {}", value.get_ref().type_str());
            self.wrong(value.span(), instead);
        }
        text
    }

    fn only_known(&mut self, table: &DeTable<'t>, known: &[&str], instead: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            self.wrong(key.span(), format!("{} is unknown here: {instead}", quoted(key.get_ref())));
        }
    }

    fn wrong(&mut self, place: Range<usize>, message: String) {
        if self.mistakes.len() < MAX_MISTAKES {
            self.mistakes.push((place.start, message));
        }
    }

    fn into_errors(mut self, source: &str) -> SpecErrors {
        self.mistakes.sort_by_key(|(at, _)| *at);
        let mistakes = self.mistakes.iter().map(|(at, message)| {
            let (line, column) = line_and_column(self.text, *at);
            Mistake { line, column, message: message.clone() }
        });
        SpecErrors { origin: source.to_owned(), mistakes: mistakes.collect() }
    }
}

/// The TOML parser's messages may have several lines; ours have one each.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
