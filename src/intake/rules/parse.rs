//! From the text of a file to drop boxes and rules, or to all of its mistakes.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use toml::Spanned;

use super::rule::{OURS, Rule};
use super::template::Template;
use super::{DropBox, MAX_RULES_BYTES, Rules};
use crate::config::{Item, Mistakes, read};
use crate::names::{AddressRange, Area, DocName, DocPath};

const MAX_DROP_BOXES: usize = 100;
const MAX_RULES: usize = 200;
/// Devices, addresses or drop boxes of one rule.
const MAX_LISTED: usize = 100;
/// Names of drop boxes and rules stand in the audit record.
const MAX_NAME: usize = 64;
const MAX_TEXT_BYTES: usize = 1000;
/// What an expression may become: a count of a large class, such as `\w{200}`, becomes megabytes.
const MAX_PROGRAM_BYTES: usize = 512 * 1024;
const MAX_BRACKETS: u32 = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    drop_box: Vec<Spanned<RawDropBox>>,
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawDropBox {
    name: Item<String>,
    matter: Item<String>,
    folder: Item<String>,
    quiet_seconds: Item<u64>,
    same_content_hours: Item<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRule {
    name: Item<String>,
    drop_boxes: Item<Vec<Spanned<String>>>,
    devices: Item<Vec<Spanned<String>>>,
    from: Item<Vec<Spanned<String>>>,
    file: Item<String>,
    subfolder: Item<String>,
    matter: Item<String>,
    folder: Item<String>,
    rename: Item<String>,
}

pub(super) fn rules(text: &str, source: &Path, zone: TimeZone) -> Result<Rules, Mistakes> {
    let mut mistakes = Mistakes::new(source);
    let mut checks = Checks { text, mistakes: &mut mistakes, taken: HashSet::new() };
    let (mut drop_boxes, mut rules) = Default::default();
    if text.len() > MAX_RULES_BYTES {
        checks.add(0..0, "a file of drop boxes and rules has at most 256 KiB: this is some other file");
    } else {
        let Raw { drop_box, rule } = read(text, checks.mistakes);
        drop_boxes = checks.drop_boxes(drop_box);
        rules = checks.rules(rule, &drop_boxes);
    }
    mistakes.or(Rules { text: text.to_owned(), drop_boxes, rules, zone })
}

/// A mistake that has been noted.
struct Told;

/// A mistake is noted, and what can be told of the rest is told too.
struct Checks<'a> {
    text: &'a str,
    mistakes: &'a mut Mistakes,
    /// The names of drop boxes and of rules so far, in small letters.
    taken: HashSet<(&'static str, String)>,
}

impl Checks<'_> {
    fn drop_boxes(&mut self, raw: Vec<Spanned<RawDropBox>>) -> Vec<DropBox> {
        let mut all: Vec<DropBox> = Vec::new();
        for (number, item) in raw.into_iter().enumerate() {
            let place = item.span();
            if number == MAX_DROP_BOXES {
                self.add(place, format!("more than {MAX_DROP_BOXES} drop boxes"));
                break;
            }
            let Some(one) = self.drop_box(&place, item.into_inner()) else { continue };
            let meets = |other: &&DropBox| {
                other.matter.eq_ignore_ascii_case(&one.matter)
                    && (other.folder.is_within(&one.folder) || one.folder.is_within(&other.folder))
            };
            if let Some(other) = all.iter().find(meets) {
                let message = format!("the folders of `{}` and `{}` lie within one another", other.name, one.name);
                self.add(place, message);
            }
            all.push(one);
        }
        all
    }

    fn drop_box(&mut self, place: &Range<usize>, raw: RawDropBox) -> Option<DropBox> {
        let quiet = self.number("quiet_seconds", raw.quiet_seconds, 10, 1..=3600);
        let same_content = self.number("same_content_hours", raw.same_content_hours, 24, 0..=24 * 366);
        let name = self.name("drop box", place, raw.name);
        let matter = self.needed("matter", "the number of its matter, such as \"2026-0001\"", place, raw.matter);
        let folder = self.needed("folder", "a folder of that matter, such as \"Documents/Scans\"", place, raw.folder);
        let folder = folder.and_then(|item| {
            let names = self.folders(&item, Some(&[]))?;
            let names = names.iter().filter_map(|name| DocName::parse(name.plain()?.as_bytes()).ok());
            DocPath::try_from(names.collect::<Vec<_>>()).map_err(|why| self.add(item.span(), why.to_string())).ok()
        });
        Some(DropBox {
            name: name?,
            matter: matter?.into_inner().trim().to_owned(),
            folder: folder?,
            quiet: Duration::from_secs(quiet),
            same_content: Duration::from_secs(same_content * 3600),
        })
    }

    fn rules(&mut self, raw: Vec<Spanned<RawRule>>, drop_boxes: &[DropBox]) -> Vec<Rule> {
        let mut all: Vec<Rule> = Vec::new();
        for (number, item) in raw.into_iter().enumerate() {
            let place = item.span();
            if number == MAX_RULES {
                self.add(place, format!("more than {MAX_RULES} rules"));
                break;
            }
            all.extend(self.rule(&place, item.into_inner(), drop_boxes));
        }
        all
    }

    fn rule(&mut self, place: &Range<usize>, raw: RawRule, drop_boxes: &[DropBox]) -> Option<Rule> {
        let name = self.name("rule", place, raw.name);
        let drop_boxes = self.list("drop_boxes", raw.drop_boxes, |word| {
            let known = drop_boxes.iter().any(|one| one.name.eq_ignore_ascii_case(word));
            known.then(|| word.to_owned()).ok_or("is no drop box of this file".to_owned())
        });
        let devices = self.list("devices", raw.devices, |word| Ok(word.to_owned()));
        let from = self.list("from", raw.from, |word| word.parse::<AddressRange>().map_err(|why| why.to_string()));
        let file = self.expression("file", raw.file);
        let subfolder = self.expression("subfolder", raw.subfolder);
        let words = self.words(place, [&file, &subfolder]);
        let words = words.as_deref();
        let matter = self.needed("matter", "a matter's number, such as \"{matter}\"", place, raw.matter);
        let matter = matter.and_then(|item| self.template("matter", &item, words));
        let folder = self.needed("folder", "a folder, such as \"Documents/Incoming\"", place, raw.folder);
        let folder = folder.and_then(|item| self.folders(&item, words));
        let rename = match raw.rename {
            None => Some(None),
            Some(item) => self.line("rename", item).and_then(|item| self.template("rename", &item, words)).map(Some),
        };
        Some(Rule {
            name: name?,
            drop_boxes,
            devices,
            from,
            file: file.ok()?,
            subfolder: subfolder.ok()?,
            matter: matter?,
            folder: folder?,
            rename: rename?,
        })
    }

    /// An expression that has to match the whole of a text; nothing for any text.
    fn expression(&mut self, key: &str, item: Item<String>) -> Result<Option<Regex>, Told> {
        let Some(item) = item else { return Ok(None) };
        let span = item.span();
        let text = self.line(key, item).ok_or(Told)?.into_inner();
        let build = |text: &str| {
            let mut builder = RegexBuilder::new(text);
            builder.size_limit(MAX_PROGRAM_BYTES).dfa_size_limit(MAX_PROGRAM_BYTES).nest_limit(MAX_BRACKETS).build()
        };
        // By itself first: `a)|(b` is none, though it would be one between brackets.
        match build(&text).and_then(|_| build(&format!(r"\A(?:{text})\z"))) {
            Ok(expression) => Ok(Some(expression)),
            Err(why) => {
                self.add(span, format!("`{key}` is no expression: {}", in_a_line(&why)));
                Err(Told)
            }
        }
    }

    /// The words that stand for something in a rule's templates; nothing if an expression is wrong and nobody knows.
    fn words(&mut self, place: &Range<usize>, of: [&Result<Option<Regex>, Told>; 2]) -> Option<Vec<String>> {
        let [file, subfolder] = of;
        let both = [file.as_ref().ok()?, subfolder.as_ref().ok()?];
        let mut words: Vec<String> = Vec::new();
        for word in both.into_iter().flatten().flat_map(Regex::capture_names).flatten() {
            if OURS.contains(&word) || words.iter().any(|other| other == word) {
                self.add(place.clone(), format!("{{{word}}} stands for something already: call this group otherwise"));
            } else {
                words.push(word.to_owned());
            }
        }
        words.extend(OURS.map(str::to_owned));
        Some(words)
    }

    fn folders(&mut self, item: &Spanned<String>, words: Option<&[String]>) -> Option<Vec<Template>> {
        let text = item.get_ref().trim_matches('/');
        let first = text.split('/').next().unwrap_or_default();
        if Area::of_folder(first).is_none_or(|area| area == Area::Messages) {
            let areas = Area::ALL.into_iter().filter(|area| *area != Area::Messages).map(Area::folder);
            let message = format!("`folder` must start with one of {}", areas.collect::<Vec<_>>().join(", "));
            self.add(item.span(), message);
            return None;
        }
        let names: Vec<_> = text.split('/').map(|name| Spanned::new(item.span(), name.to_owned())).collect();
        names.iter().map(|name| self.folder(name, words)).collect()
    }

    fn folder(&mut self, item: &Spanned<String>, words: Option<&[String]>) -> Option<Template> {
        let template = self.template("folder", item, words)?;
        let wrong = template.plain().and_then(|name| DocName::parse(name.as_bytes()).err());
        wrong.inspect(|why| self.add(item.span(), format!("`folder`: {why}"))).is_none().then_some(template)
    }

    fn template(&mut self, key: &str, item: &Spanned<String>, words: Option<&[String]>) -> Option<Template> {
        let template = Template::parse(item.get_ref()).map_err(|why| self.add(item.span(), format!("`{key}`: {why}")));
        let template = template.ok()?;
        let Some(words) = words else { return Some(template) };
        let strange = template.words().find(|word| !words.iter().any(|known| known == word));
        if let Some(word) = strange {
            let known = if words.is_empty() { String::new() } else { format!("; known are {}", words.join(", ")) };
            self.add(item.span(), format!("`{key}`: {{{word}}} stands for nothing here{known}"));
            return None;
        }
        Some(template)
    }

    /// Nothing for a list that is not there.
    fn list<T>(
        &mut self,
        key: &str,
        item: Item<Vec<Spanned<String>>>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let item = item?;
        let span = item.span();
        let items = item.into_inner();
        if items.is_empty() || items.len() > MAX_LISTED {
            self.add(span, format!("`{key}` has 1 to {MAX_LISTED} words; leave it out if all are meant"));
        }
        let mut all = Vec::new();
        for item in items.iter().take(MAX_LISTED) {
            match read(item.get_ref().trim()) {
                Ok(one) => all.push(one),
                Err(why) => self.add(item.span(), format!("`{key}`: {:?} {why}", item.get_ref())),
            }
        }
        Some(all)
    }

    fn name(&mut self, what: &'static str, place: &Range<usize>, item: Item<String>) -> Option<String> {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let good = |name: &str| (1..=MAX_NAME).contains(&name.len()) && name.chars().all(inside);
        let Some(item) = item.as_ref().filter(|name| good(name.get_ref())) else {
            let message = format!("a {what} needs a `name` of at most {MAX_NAME} letters, digits, `-`, `_` and `.`");
            self.add(item.map_or(place.clone(), |item| item.span()), message);
            return None;
        };
        let name = item.get_ref();
        if !self.taken.insert((what, name.to_ascii_lowercase())) {
            self.add(item.span(), format!("there is another {what} `{name}`; each needs a name of its own"));
        }
        Some(name.clone())
    }

    fn needed(&mut self, key: &str, what: &str, place: &Range<usize>, item: Item<String>) -> Option<Spanned<String>> {
        let Some(item) = item else {
            self.add(place.clone(), format!("`{key}` is missing: {what}"));
            return None;
        };
        self.line(key, item)
    }

    fn line(&mut self, key: &str, item: Spanned<String>) -> Option<Spanned<String>> {
        let text = item.get_ref();
        if !text.trim().is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control) {
            return Some(item);
        }
        self.add(item.span(), format!("`{key}` must be one line of 1 to {MAX_TEXT_BYTES} bytes"));
        None
    }

    fn number(&mut self, key: &str, item: Item<u64>, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(item) = item else { return default };
        if range.contains(item.get_ref()) {
            return item.into_inner();
        }
        self.add(item.span(), format!("`{key}` must be between {} and {}", range.start(), range.end()));
        default
    }

    fn add(&mut self, place: Range<usize>, message: impl Into<String>) {
        self.mistakes.add(self.text, Some(place), message);
    }
}

/// The words of the one who compiles expressions, without the picture that it draws.
fn in_a_line(why: &regex::Error) -> String {
    match why {
        regex::Error::CompiledTooBig(most) => {
            format!("it becomes larger than {} KiB; look for counts of large classes, such as \\w{{100}}", most >> 10)
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}
