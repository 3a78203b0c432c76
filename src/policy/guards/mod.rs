//! Guards: firm rules over and above the rows, written as Cedar policies that can only forbid.
//!
//! What the rows grant, a guard can take away, and nothing else: [`Guards::parse`] takes `forbid` policies alone and holds
//! each against the schema in `policies/guards.cedarschema`. [`Guards::decide`] answers which guard, if any, forbids what a
//! [`Question`] describes. A guard that cannot be evaluated forbids, since one that errs and is passed over would allow.
//!
//! Cedar evaluates every policy of a set, and making the attributes of a question costs as much as evaluating. So there is
//! one set for each verb and role with the guards that can concern it, asked with what those look at; where there are none,
//! guards cost nothing.

mod mistakes;
mod parse;
mod question;
mod statements;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cedar_policy::{Authorizer, Entities, EntityUid, PolicySet, Request};

use crate::names::{Role, Verb};
pub use mistakes::{Mistake, Mistakes};
pub use question::{Asker, LocalTime, Question, folder_within};
use question::{Wanted, Words, context};

/// A file of guards is never longer than this.
pub const MAX_GUARDS_BYTES: usize = 256 * 1024;
/// More guards than these in one file are refused: each costs about a microsecond an operation.
pub const MAX_GUARDS: usize = 200;

/// The guards of one file, in its order.
pub struct Guards {
    text: String,
    guards: Vec<Guard>,
    /// By verb, in the order of [`Verb::ALL`], then by role.
    concerning: [[Concerning; 5]; 5],
    actions: [EntityUid; 5],
    person: EntityUid,
    thing: EntityUid,
    words: Words,
    authorizer: Authorizer,
    nothing: Entities,
}

/// The guards that can concern one verb of one role.
#[derive(Default)]
struct Concerning {
    /// Policies bear their place in `guards` as id.
    policies: PolicySet,
    /// What they look at.
    wanted: Wanted,
}

struct Guard {
    id: Arc<str>,
    advice: Arc<str>,
}

/// Which guard forbids, and what it says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// Its `@id`.
    pub guard: Arc<str>,
    /// Its `@advice`; empty if it has none.
    pub advice: Arc<str>,
    /// It forbids because it could not be evaluated.
    pub failed: bool,
}

/// A sentence for the audit record and for `policy explain`.
impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = if self.failed { "could not be evaluated and so forbids" } else { "forbids" };
        write!(f, "the guard `{}` {verb} it", self.guard)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ": {}", self.advice) }
    }
}

impl Guards {
    /// Parses and validates the text of a file.
    ///
    /// # Errors
    /// Every mistake at once; then there are no guards.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        parse::guards(text)
    }

    /// The text from which they were made.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.guards.len()
    }

    /// True if the file holds none.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
    }

    /// Their ids, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.guards.iter().map(|guard| &*guard.id)
    }

    /// True if some guard concerns this verb of this role, so that it is worth asking.
    pub fn concern(&self, verb: Verb, role: Role) -> bool {
        !self.concerning[verb as usize][role as usize].policies.is_empty()
    }

    /// The first guard, in the order of the file, that forbids what is asked.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Option<Forbidden> {
        let Concerning { policies, wanted } = &self.concerning[question.verb as usize][question.asker.role as usize];
        if policies.is_empty() {
            return None;
        }
        // Neither can fail for a question that is well formed, and each is; if one did, everything is forbidden.
        let Some(context) = context(&self.words, question, *wanted) else { return Some(broken()) };
        let (person, thing) = (self.person.clone(), self.thing.clone());
        let Ok(request) = Request::new(person, self.actions[question.verb as usize].clone(), thing, context, None)
        else {
            return Some(broken());
        };
        let response = self.authorizer.is_authorized(&request, policies, &self.nothing);
        let diagnostics = response.diagnostics();
        let place = |id: &cedar_policy::PolicyId| -> usize { id.to_string().parse().unwrap_or(0) };
        let first = diagnostics.reason().map(place).min();
        let erring = || {
            let ids = diagnostics
                .errors()
                .map(|cedar_policy::AuthorizationError::PolicyEvaluationError(error)| place(error.policy_id()));
            ids.min()
        };
        let (place, failed) = first.map(|place| (place, false)).or_else(|| Some((erring()?, true)))?;
        Some(self.guards.get(place).map_or_else(broken, |guard| Forbidden {
            guard: guard.id.clone(),
            advice: guard.advice.clone(),
            failed,
        }))
    }
}

fn broken() -> Forbidden {
    Forbidden { guard: "guards".into(), advice: "the question could not be put to them".into(), failed: true }
}
