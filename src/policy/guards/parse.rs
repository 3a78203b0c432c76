//! From the text of a file to guards, or to all of its mistakes.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Authorizer, Effect, Entities, EntityUid, Policy, PolicyId, PolicySet, Schema, Template,
    ValidationMode, ValidationWarning, Validator,
};

use super::question::{Wanted, Words, uid};
use super::statements::{statements, too_deep};
use super::{Concerning, Guard, Guards, MAX_GUARDS, MAX_GUARDS_BYTES, Mistakes};
use crate::names::{Role, Verb};

/// What a guard may ask about.
const SCHEMA: &str = include_str!("../../../policies/guards.cedarschema");
/// Ids and advice stand in the audit record.
const MAX_ID: usize = 64;
const MAX_ADVICE: usize = 200;
/// What one guard may be, since Cedar goes down the stack for each bracket and each operator of a chain.
const MAX_GUARD_BYTES: usize = 4 * 1024;
const MAX_DEPTH: usize = 32;

pub(super) fn guards(text: &str) -> Result<Guards, Mistakes> {
    let mut mistakes = Mistakes::default();
    if text.len() > MAX_GUARDS_BYTES {
        mistakes.add(text, 0, "a file of guards has at most 256 KiB: this is some other file, or two files' worth");
        return mistakes.or(None);
    }
    let cut = statements(text);
    if let Some(beyond) = cut.get(MAX_GUARDS) {
        let message = format!("more than {MAX_GUARDS} guards; put what belongs together into one");
        mistakes.add(text, beyond.start, message);
        return mistakes.or(None);
    }
    let validator = match schema() {
        Ok(schema) => Validator::new(schema),
        // The schema is part of this program and a test parses it.
        Err(why) => {
            mistakes.add(text, 0, format!("the schema of the guards cannot be read: {why}"));
            return mistakes.or(None);
        }
    };
    let mut guards: Vec<Guard> = Vec::new();
    let mut lines: HashMap<Arc<str>, usize> = HashMap::new();
    let mut concerning: [[Concerning; 5]; 5] = Default::default();
    for range in cut {
        let mut one = One { text, start: range.start, mistakes: &mut mistakes };
        let statement = &text[range];
        let Some((policy, guard)) = one.read(statement, &validator) else { continue };
        let line = text[..one.start].matches('\n').count() + 1;
        if let Some(other) = lines.insert(guard.id.clone(), line) {
            let message = format!("`{}` is the id of the guard in line {other}; each needs one of its own", guard.id);
            one.add(0, message);
            continue;
        }
        let policy = policy.new_id(PolicyId::new(guards.len().to_string()));
        guards.push(guard);
        // Longer chains than fit into this overflow a stack when they become JSON.
        let only = if statement.len() <= 1024 { only_role(&policy) } else { None };
        for verb in Verb::ALL.into_iter().filter(|verb| concerns(&policy, *verb)) {
            for role in Role::ALL.into_iter().filter(|role| only.as_deref().is_none_or(|only| only == role.as_str())) {
                let one_more = &mut concerning[verb as usize][role as usize];
                one_more.wanted.add(Wanted::of(statement));
                if let Err(why) = one_more.policies.add(policy.clone()) {
                    one.add(0, why.to_string());
                }
            }
        }
    }
    let made = Words::new().and_then(|words| {
        Some(Guards {
            text: text.to_owned(),
            guards,
            concerning,
            actions: actions()?,
            person: uid("Person", "asker")?,
            thing: uid("Thing", "asked")?,
            words,
            authorizer: Authorizer::new(),
            nothing: Entities::empty(),
        })
    });
    mistakes.or(made)
}

fn schema() -> Result<Schema, String> {
    Schema::from_cedarschema_str(SCHEMA).map(|(schema, _)| schema).map_err(|why| why.to_string())
}

fn actions() -> Option<[EntityUid; 5]> {
    let all: Option<Vec<_>> = Verb::ALL.iter().map(|verb| uid("Action", verb.as_str())).collect();
    all?.try_into().ok()
}

fn concerns(policy: &Policy, verb: Verb) -> bool {
    let is = |action: &EntityUid| action.id().unescaped() == verb.as_str();
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(action) => is(&action),
        ActionConstraint::In(actions) => actions.iter().any(is),
    }
}

/// The role with which a guard begins: `when { context.role == Role::"device" && ... }` is false for every other, before
/// anything else of it is looked at. Nothing if it begins otherwise.
fn only_role(policy: &Policy) -> Option<String> {
    let json = policy.to_json().ok()?;
    let condition = json.get("conditions")?.get(0)?;
    if condition.get("kind")? != "when" {
        return None;
    }
    let mut first = condition.get("body")?;
    while let Some(and) = first.get("&&") {
        first = and.get("left")?;
    }
    let equal = first.get("==")?;
    let role = serde_json::json!({ ".": { "left": { "Var": "context" }, "attr": "role" } });
    let word = equal.get("right")?.get("Value")?.get("__entity")?;
    let is_role = *equal.get("left")? == role && word.get("type")? == "Role";
    is_role.then(|| word.get("id")?.as_str().map(str::to_owned)).flatten()
}

/// One policy on its way.
struct One<'a> {
    text: &'a str,
    start: usize,
    mistakes: &'a mut Mistakes,
}

impl One<'_> {
    fn add(&mut self, at: usize, message: impl Into<String>) {
        self.mistakes.add(self.text, self.start + at, message);
    }

    /// The policy and its guard, if nothing is wrong with it.
    fn read(&mut self, statement: &str, validator: &Validator) -> Option<(Policy, Guard)> {
        if statement.len() > MAX_GUARD_BYTES {
            self.add(0, "one guard has at most 4 KiB; make several of it, or look for a semicolon that is missing");
            return None;
        }
        if let Some(at) = too_deep(statement, MAX_DEPTH) {
            self.add(at, format!("more than {MAX_DEPTH} brackets within one another"));
            return None;
        }
        let policy = match Policy::parse(None, statement) {
            Ok(policy) => policy,
            Err(_) if Template::parse(None, statement).is_ok() => {
                self.add(0, "a template (`?principal`, `?resource`) is no guard; say `principal` and `resource`");
                return None;
            }
            Err(errors) => {
                self.detailed(&DetailedError::from(&errors));
                return None;
            }
        };
        let mut sound = true;
        let grants = policy.effect() == Effect::Permit;
        if grants {
            self.add(0, "a guard can only `forbid`; what somebody may do is granted by the rows of the matter type");
            sound = false;
        }
        let id = policy.annotation("id").unwrap_or_default().to_owned();
        if !is_word(&id) {
            let message = "a guard needs a name: put @id(\"some-name\") before it, of at most 64 letters, digits, `-`, \
                           `_` and `.`";
            self.add(0, message);
            sound = false;
        }
        let advice = policy.annotation("advice").unwrap_or_default().to_owned();
        if advice.chars().count() > MAX_ADVICE || advice.chars().any(char::is_control) {
            self.add(0, format!("@advice(\"...\") must be one line of at most {MAX_ADVICE} characters"));
            sound = false;
        }
        if let Some((other, _)) = policy.annotations().find(|(key, _)| !["id", "advice"].contains(key)) {
            let message = format!("`@{other}` is no annotation of a guard; @id and @advice are");
            self.add(0, message);
            sound = false;
        }
        let named = policy.new_id(PolicyId::new(if id.is_empty() { "without a name" } else { &id }));
        let set = PolicySet::from_policies([named]).map_err(|why| self.add(0, why.to_string())).ok()?;
        let found = validator.validate(&set, ValidationMode::Strict);
        for error in found.validation_errors() {
            self.detailed(&DetailedError::from(error));
            sound = false;
        }
        for warning in found.validation_warnings() {
            // What can never be true is a slip of the pen, and a guard that guards nothing.
            if let ValidationWarning::ImpossiblePolicy(_) = warning {
                self.add(0, "this guard can never forbid anything; look at its conditions");
                sound = false;
            }
        }
        sound.then(|| (policy, Guard { id: id.into(), advice: advice.into() }))
    }

    /// Cedar's own words, with the place in the file.
    fn detailed(&mut self, error: &DetailedError) {
        let at = error.source_locations.first().map_or(0, |label| label.loc.start);
        let help = error.help.as_deref().map_or(String::new(), |help| format!("; {help}"));
        let label = error.source_locations.first().and_then(|label| label.label.as_deref());
        let label = label.map_or(String::new(), |label| format!(" ({label})"));
        let message = format!("{}{label}{help}", error.message).replace('\n', " ");
        self.add(at, message);
        error.related.iter().for_each(|error| self.detailed(error));
    }
}

fn is_word(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_ID).contains(&id.len()) && id.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_that_is_shipped_can_be_read() {
        super::schema().expect("a schema");
    }
}
