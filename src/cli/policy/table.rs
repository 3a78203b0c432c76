//! Tests of guards as they stand in a TOML file: questions with the answer that is expected.

use std::net::{IpAddr, Ipv4Addr};

use jiff::civil::DateTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::names::{AuthMethod, Front, Role, Verb};
use crate::policy::guards::{Asker, Guards, LocalTime, Question};

/// What is answered if no guard forbids.
const ALLOWED: &str = "allowed";

/// A file of tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(rename = "test")]
    pub(super) tests: Vec<Trial>,
}

/// One test; what it leaves out is as in [`Trial::default`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Trial {
    pub(super) name: String,
    /// A guard's id, or `allowed`.
    pub(super) expect: String,
    verb: Option<Verb>,
    from: IpAddr,
    front: Front,
    auth: AuthMethod,
    second_factor: bool,
    role: Role,
    participant_type: String,
    /// By the firm's calendar and clock.
    #[serde(deserialize_with = "time")]
    at: DateTime,
    matter: String,
    matter_type: String,
    folder: String,
    /// Nothing for the folder itself.
    document: Option<String>,
    size: u64,
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| D::Error::custom("a time is written as text, such as \"2026-01-07T10:00\""))
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            name: String::new(),
            expect: String::new(),
            verb: None,
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            front: Front::Sftp,
            auth: AuthMethod::PublicKey,
            second_factor: false,
            role: Role::Participant,
            participant_type: String::new(),
            // A Wednesday.
            at: DateTime::constant(2026, 1, 7, 10, 0, 0, 0),
            matter: "2026-0001".to_owned(),
            matter_type: "General".to_owned(),
            folder: "Documents".to_owned(),
            document: None,
            size: 0,
        }
    }
}

impl Table {
    /// # Errors
    /// What is wrong and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|why| why.to_string().trim_end().to_owned())?;
        for (number, trial) in table.tests.iter().enumerate() {
            for (field, missing) in
                [("name", trial.name.is_empty()), ("expect", trial.expect.is_empty()), ("verb", trial.verb.is_none())]
            {
                if missing {
                    return Err(format!("test {}, {:?}, needs `{field}`", number + 1, trial.name));
                }
            }
        }
        Ok(table)
    }
}

impl Trial {
    /// The id of the guard that forbids, or `allowed`.
    pub(super) fn answer(&self, guards: &Guards) -> String {
        let asker = Asker {
            address: Some(self.from),
            front: self.front,
            auth: self.auth,
            second_factor: self.second_factor,
            role: self.role,
        };
        let question = Question {
            verb: self.verb.unwrap_or(Verb::Read),
            asker,
            participant_type: &self.participant_type,
            when: LocalTime::shown(self.at),
            matter: &self.matter,
            matter_type: &self.matter_type,
            folder: self.folder.trim_matches('/'),
            is_folder: self.document.is_none(),
            name: self.document.as_deref(),
            size: self.size,
        };
        match guards.decide(&question) {
            None => ALLOWED.to_owned(),
            Some(forbidden) if forbidden.failed => format!("{} (it could not be evaluated)", forbidden.guard),
            Some(forbidden) => forbidden.guard.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_says_nothing_or_too_much_is_refused() {
        for (text, why) in [
            ("", "test"),
            ("[[test]]\nverb = \"read\"\nexpect = \"allowed\"", "`name`"),
            ("[[test]]\nname = \"x\"\nexpect = \"allowed\"", "`verb`"),
            ("[[test]]\nname = \"x\"\nverb = \"look\"", "look"),
            ("[[test]]\nname = \"x\"\ncolour = \"red\"", "colour"),
        ] {
            let error = Table::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
