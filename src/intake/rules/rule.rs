//! One rule: what it matches, and what it makes of it.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use regex::{Captures, Regex};

use super::template::Template;
use super::{Arrival, Destination, Mismatch, Nowhere, Part, Routing, Unfit};
use crate::names::{AddressRange, DocName, DocPath};

/// The words that every template may use, beside those that a rule's expressions capture.
pub(super) const OURS: [&str; 5] = ["date", "time", "device", "stem", "extension"];

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    /// Nothing for all of them, as in what follows up to the templates.
    pub(super) drop_boxes: Option<Vec<String>>,
    pub(super) devices: Option<Vec<String>>,
    pub(super) from: Option<Vec<AddressRange>>,
    /// Expressions on the whole of a text.
    pub(super) file: Option<Regex>,
    pub(super) subfolder: Option<Regex>,
    pub(super) matter: Template,
    /// One for each folder on the way down.
    pub(super) folder: Vec<Template>,
    /// Nothing to leave the name as it is.
    pub(super) rename: Option<Template>,
}

/// What the expressions of a rule took out of a name and its folder.
pub(super) struct Captured<'t>([Option<Captures<'t>>; 2]);

impl Rule {
    /// `subfolder` is the arrival's, as text.
    pub(super) fn look<'t>(&self, arrival: &Arrival<'t>, subfolder: &'t str) -> Result<Captured<'t>, Mismatch> {
        if !named(self.drop_boxes.as_deref(), arrival.drop_box) {
            return Err(Mismatch::DropBox);
        }
        if !named(self.devices.as_deref(), arrival.device) {
            return Err(Mismatch::Device);
        }
        let came_from = |range: &AddressRange| arrival.source.is_some_and(|source| range.contains(source));
        if !self.from.as_ref().is_none_or(|ranges| ranges.iter().any(came_from)) {
            return Err(Mismatch::From);
        }
        let file = matched(self.file.as_ref(), arrival.name.as_str()).ok_or(Mismatch::File)?;
        let subfolder = matched(self.subfolder.as_ref(), subfolder).ok_or(Mismatch::Subfolder)?;
        Ok(Captured([file, subfolder]))
    }

    pub(super) fn destination(&self, captured: &Captured<'_>, arrival: &Arrival<'_>, zone: &TimeZone) -> Routing {
        match self.filled(&|word| value(word, captured, arrival, zone), arrival.name) {
            Ok(destination) => Routing::To(destination),
            Err((part, why)) => Routing::Nowhere(Nowhere::Unfit { rule: self.name.clone(), part, why }),
        }
    }

    /// What a word stands for is only ever part of one name: it cannot lead into another folder.
    fn filled<'v>(
        &self,
        value: &dyn Fn(&str) -> Cow<'v, str>,
        arrived: &DocName,
    ) -> Result<Destination, (Part, Unfit)> {
        let matter = self.matter.filled(value).trim().to_owned();
        if matter.is_empty() {
            return Err((Part::Matter, Unfit::Empty));
        }
        let folder: Result<_, Unfit> = self.folder.iter().try_fold(DocPath::root(), |path, template| {
            let name = name(&template.filled(value))?;
            Ok(path.join(name)?)
        });
        let name = self.rename.as_ref().map_or(Ok(arrived.clone()), |template| name(&template.filled(value)));
        Ok(Destination {
            rule: self.name.clone(),
            matter,
            folder: folder.map_err(|why| (Part::Folder, why))?,
            name: name.map_err(|why| (Part::Name, why))?,
        })
    }
}

fn named(list: Option<&[String]>, word: &str) -> bool {
    list.is_none_or(|list| list.iter().any(|one| one.eq_ignore_ascii_case(word)))
}

/// Nothing if there is an expression and it does not match.
fn matched<'t>(expression: Option<&Regex>, text: &'t str) -> Option<Option<Captures<'t>>> {
    expression.map_or(Some(None), |expression| expression.captures(text).map(Some))
}

fn name(text: &str) -> Result<DocName, Unfit> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Unfit::Empty);
    }
    Ok(DocName::parse(text.as_bytes())?)
}

/// What a word of a template stands for; nothing for a group that took no part in the match.
fn value<'v>(word: &str, captured: &Captured<'v>, arrival: &Arrival<'v>, zone: &TimeZone) -> Cow<'v, str> {
    let local = |format: &str| {
        let arrived = jiff::Timestamp::from_millisecond(arrival.arrived.as_millis());
        arrived.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(zone.clone()).strftime(format).to_string().into()
    };
    let (stem, extension) = arrival.name.stem_and_extension();
    match word {
        "date" => local("%Y-%m-%d"),
        "time" => local("%H-%M-%S"),
        "device" => arrival.device.into(),
        "stem" => stem.into(),
        "extension" => extension.into(),
        _ => {
            let mut groups = captured.0.iter().flatten().filter_map(|captures| captures.name(word));
            groups.next().map_or("", |found| found.as_str()).into()
        }
    }
}
