//! The permission chart of a matter type: who may do what in which folder, as check boxes.
//!
//! What comes back from the form is written as the text of a matter type and read like one, so that there is one place that
//! knows what a matter type may say.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{Area, Rights, Verb};
use crate::policy::FolderRule;
use crate::practice::{FolderSpec, MAX_FOLDERS, MAX_PARTICIPANT_TYPES, MatterTypeSpec, parse_matter_type};

/// Lines of a matter type's text before those of the first folder, and of each folder.
const LINES_BEFORE: usize = 2;
const LINES_OF_FOLDER: usize = 3;

/// A chart as the form shows it and sends it back. The last participant type and the last folder may be empty: there another
/// one can be entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) kinds: Vec<Kind>,
    pub(super) folders: Vec<Folder>,
}

/// A participant type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) word: String,
    /// To be left out.
    pub(super) gone: bool,
}

/// A folder with its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Folder {
    /// `Documents/From us`.
    pub(super) path: String,
    pub(super) rule: Rule,
    /// One for each participant type.
    pub(super) rights: Vec<Rights>,
    pub(super) gone: bool,
}

/// What participants of one type may do in a folder.
pub(super) struct Row<'c> {
    /// The position of the participant type.
    pub(super) kind: usize,
    pub(super) word: &'c str,
    /// Whether each verb is ticked, if there is a box for it.
    pub(super) boxes: [(Verb, Option<bool>); 5],
}

impl Row<'_> {
    /// Whether there is a box for each verb, so that all of them are full rights.
    pub(super) fn offers_all(&self) -> bool {
        self.boxes.iter().all(|(_, ticked)| ticked.is_some())
    }
}

/// Where a folder's rights come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Rule {
    Own,
    #[default]
    Inherit,
    Closed,
}

impl Rule {
    pub(super) const ALL: [Self; 3] = [Self::Own, Self::Inherit, Self::Closed];

    /// The word in the form.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Inherit => "inherit",
            Self::Closed => "closed",
        }
    }

    /// What people read.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Own => "Rights of its own",
            Self::Inherit => "As the folder above",
            Self::Closed => "Closed to participants",
        }
    }
}

impl Folder {
    /// The verbs that there are in this folder: what was said is not changed or removed.
    fn offers(&self, verb: Verb) -> bool {
        let area = self.path.split('/').next().and_then(Area::of_folder);
        area != Some(Area::Messages) || Rights::MESSAGES.has(verb)
    }
}

impl Chart {
    /// The chart of a matter type as it is.
    pub(super) fn of(spec: &MatterTypeSpec) -> Self {
        let kinds = spec.participants().iter().map(|word| Kind { word: word.clone(), gone: false }).collect();
        let folder = |folder: &FolderSpec| {
            let names: Vec<_> = folder.path.names().iter().map(|name| name.as_str()).collect();
            let (rule, rows) = match &folder.rule {
                FolderRule::Rows(rows) => (Rule::Own, rows.as_slice()),
                FolderRule::Inherit => (Rule::Inherit, [].as_slice()),
                FolderRule::Closed => (Rule::Closed, [].as_slice()),
            };
            let of_kind = |word: &String| rows.iter().find(|row| row.participant_type == *word);
            let rights = |word| of_kind(word).map_or(Rights::NONE, |row| row.rights);
            Folder {
                path: names.join("/"),
                rule,
                rights: spec.participants().iter().map(rights).collect(),
                gone: false,
            }
        };
        Self { kinds, folders: spec.folders().iter().map(folder).collect() }
    }

    /// What a form has sent.
    pub(super) fn of_form(fields: &BTreeMap<String, String>) -> Self {
        let text = |name: String| fields.get(&name).map(|text| text.trim().to_owned());
        let ticked = |name: String| fields.contains_key(&name);
        let kinds: Vec<_> = (0..=MAX_PARTICIPANT_TYPES)
            .map_while(|k| Some(Kind { word: text(format!("type-{k}"))?, gone: ticked(format!("type-{k}-gone")) }))
            .collect();
        let rights = |f: usize, k: usize| {
            let verbs: Vec<_> = Verb::ALL.into_iter().filter(|verb| ticked(format!("{f}-{k}-{verb}"))).collect();
            Rights::of(&verbs)
        };
        let folder = |f: usize| {
            let path = text(format!("path-{f}"))?;
            let rule = text(format!("rule-{f}")).unwrap_or_default();
            let rule = Rule::ALL.into_iter().find(|one| one.word() == rule).unwrap_or_default();
            let rights = (0..kinds.len()).map(|k| rights(f, k)).collect();
            Some(Folder { path, rule, rights, gone: ticked(format!("path-{f}-gone")) })
        };
        let folders = (0..=MAX_FOLDERS).map_while(folder).collect();
        Self { kinds, folders }
    }

    /// The same with room for one more of each.
    pub(super) fn with_room(mut self) -> Self {
        if self.kinds.len() < MAX_PARTICIPANT_TYPES && self.kinds.last().is_none_or(|kind| !kind.word.is_empty()) {
            self.kinds.push(Kind::default());
        }
        if self.folders.len() < MAX_FOLDERS && self.folders.last().is_none_or(|folder| !folder.path.is_empty()) {
            self.folders.push(Folder::default());
        }
        for folder in &mut self.folders {
            folder.rights.resize(self.kinds.len(), Rights::NONE);
        }
        self
    }

    /// A folder's rows.
    pub(super) fn rows<'c>(&'c self, folder: &Folder) -> Vec<Row<'c>> {
        let words = self.kinds.iter().map(|kind| kind.word.as_str());
        let row = |(kind, (word, rights)): (usize, (&'c str, &Rights))| {
            let ticked = |verb| folder.offers(verb).then(|| rights.has(verb));
            Row { kind, word, boxes: Verb::ALL.map(|verb| (verb, ticked(verb))) }
        };
        words.zip(&folder.rights).enumerate().map(row).filter(|row| !row.word.is_empty()).collect()
    }

    /// What is to be kept.
    fn kept(&self) -> (Vec<(usize, &Kind)>, Vec<&Folder>) {
        let kinds = self.kinds.iter().enumerate().filter(|(_, kind)| !kind.gone && !kind.word.is_empty());
        let folders = self.folders.iter().filter(|folder| !folder.gone && !folder.path.is_empty());
        (kinds.collect(), folders.collect())
    }

    /// The matter type that the chart makes.
    ///
    /// # Errors
    /// Every mistake, as a sentence.
    pub(super) fn spec(&self, name: &str) -> Result<MatterTypeSpec, Vec<String>> {
        let (kinds, folders) = self.kept();
        if kinds.is_empty() || folders.is_empty() {
            return Err(vec!["A matter type has at least one participant type and one folder.".to_owned()]);
        }
        let words: Vec<_> = kinds.iter().map(|(_, kind)| quoted(&kind.word)).collect();
        let mut text = format!("name = {}\nparticipants = [{}]\n", quoted(name), words.join(", "));
        let mut mistakes = Vec::new();
        for folder in &folders {
            let rule = match folder.rule {
                Rule::Inherit => "inherit = true".to_owned(),
                Rule::Closed => "closed = true".to_owned(),
                Rule::Own => {
                    let mut rows = BTreeMap::new();
                    for (at, kind) in kinds.iter().filter(|(at, _)| !folder.rights[*at].is_empty()) {
                        rows.entry(quoted(&kind.word)).or_insert(folder.rights[*at]);
                    }
                    if rows.is_empty() {
                        mistakes
                            .push(format!("{}: nobody may do anything there, so say that it is closed.", folder.path));
                    }
                    let rows: Vec<_> = rows.iter().map(|(word, rights)| format!("{word} = \"{rights}\"")).collect();
                    format!("rows = {{ {} }}", rows.join(", "))
                }
            };
            text += &format!("[[folder]]\npath = {}\n{rule}\n", quoted(&folder.path));
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        parse_matter_type(&text, name).map_err(|errors| {
            let told = errors.mistakes.iter().map(|mistake| {
                let folder =
                    mistake.line.checked_sub(LINES_BEFORE + 1).and_then(|line| folders.get(line / LINES_OF_FOLDER));
                let place = folder.map(|folder| format!("{}: ", folder.path)).unwrap_or_default();
                format!("{place}{}.", mistake.message)
            });
            told.collect()
        })
    }

    /// Where these entries differ from what is in force, for somebody who had not seen that.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let (mine, theirs) = (self.entries(), now.entries());
        let places: BTreeSet<_> = mine.keys().chain(theirs.keys()).collect();
        let said = |entries: &BTreeMap<String, String>, place: &String| {
            entries.get(place).map_or_else(|| "not there".to_owned(), |text| format!("“{text}”"))
        };
        let differs = |place: &&String| mine.get(*place) != theirs.get(*place);
        let line = |place: &String| format!("{place}: {} in force, {} here", said(&theirs, place), said(&mine, place));
        places.into_iter().filter(differs).map(line).collect()
    }

    /// What the chart says of each folder, and the participant types that it knows.
    fn entries(&self) -> BTreeMap<String, String> {
        let (kinds, folders) = self.kept();
        let of_folder = |folder: &&Folder| {
            let rights = kinds.iter().map(|(at, kind)| (kind.word.as_str(), folder.rights[*at]));
            let rows: Vec<_> = rights
                .filter(|(_, rights)| !rights.is_empty())
                .map(|(word, rights)| format!("{word}: {rights}"))
                .collect();
            let text = match folder.rule {
                Rule::Own if rows.is_empty() => "nobody".to_owned(),
                Rule::Own => rows.join(", "),
                rule => rule.name().to_lowercase(),
            };
            (folder.path.clone(), text)
        };
        let words: Vec<_> = kinds.iter().map(|(_, kind)| kind.word.as_str()).collect();
        let types = ("Participant types".to_owned(), words.join(", "));
        folders.iter().map(of_folder).chain([types]).collect()
    }
}

/// As TOML has it: JSON's strings are basic strings of TOML, whatever is in them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERAL: &str = include_str!("../../../../policies/general.toml");

    fn general() -> MatterTypeSpec {
        parse_matter_type(GENERAL, "general.toml").expect("valid")
    }

    #[test]
    fn the_chart_of_a_matter_type_makes_the_same_one() {
        let chart = Chart::of(&general()).with_room();
        assert_eq!(chart.spec("General"), Ok(general()));
        let fields = fields(&chart);
        assert_eq!(Chart::of_form(&fields), chart);
    }

    /// What a browser sends of this chart.
    fn fields(chart: &Chart) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        for (k, kind) in chart.kinds.iter().enumerate() {
            fields.insert(format!("type-{k}"), kind.word.clone());
        }
        for (f, folder) in chart.folders.iter().enumerate() {
            fields.insert(format!("path-{f}"), folder.path.clone());
            fields.insert(format!("rule-{f}"), folder.rule.word().to_owned());
            for (k, rights) in folder.rights.iter().enumerate() {
                fields.extend(rights.verbs().map(|verb| (format!("{f}-{k}-{verb}"), "on".to_owned())));
            }
        }
        fields
    }

    #[test]
    fn mistakes_are_told_with_their_folder_and_no_text_breaks_out() {
        let mut chart = Chart::of(&general());
        chart.folders[0].path = "Documents/From us\"\n[[folder]]\npath = \"Documents/Evil".to_owned();
        chart.folders[1].path = "Papers/From you".to_owned();
        chart.folders[2].rule = Rule::Inherit;
        let mistakes = chart.spec("General").expect_err("wrong");
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
        assert!(mistakes[1].starts_with("Papers/From you: `Papers/From you` is no place"), "{mistakes:?}");
        assert!(mistakes[2].starts_with("Documents/Drafts: there is nothing to inherit"), "{mistakes:?}");
        chart = Chart::of(&general());
        chart.folders[0].rights.fill(Rights::NONE);
        assert_eq!(
            chart.spec("General").expect_err("nobody"),
            ["Documents/From us: nobody may do anything there, so say that it is closed."]
        );
        chart.kinds.iter_mut().for_each(|kind| kind.gone = true);
        assert_eq!(chart.spec("General").expect_err("empty").len(), 1);
    }

    #[test]
    fn differences_are_told_by_folder() {
        let now = Chart::of(&general());
        let mut mine = now.clone();
        assert!(mine.differences(&now).is_empty());
        mine.folders[0].rights[0] = Rights::FULL;
        mine.folders[1].rule = Rule::Closed;
        mine.folders[2].gone = true;
        mine.kinds[1].gone = true;
        assert_eq!(
            mine.differences(&now),
            [
                "Calendar: “client: list read, expert: list read” in force, “client: list read” here",
                "Documents/Drafts: “client: list read create update” in force, not there here",
                "Documents/From us: “client: list read, expert: list read” in force, “client: full” here",
                "Documents/From you: “client: list read create” in force, “closed to participants” here",
                "Documents/Shared room: “client: full, expert: list read” in force, “client: full” here",
                "Messages/Expert: “expert: list read create” in force, “nobody” here",
                "Participant types: “client, expert, device” in force, “client, device” here",
            ]
        );
    }
}
