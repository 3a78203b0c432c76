//! `deedbox account restrict`: by what and from where a login may come.

use std::str::FromStr;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use crate::names::{AddressRange, AuthMethod};
use crate::practice::{LOGIN_METHODS, Practice, RestrictionChange};

/// Let a login in by some methods alone, or from some addresses, and end its other sessions
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(after_help = "Example: deedbox account restrict scanner.one --methods publickey --from 192.0.2.0/24 \\\n  \
                        --data /srv/deedbox\n\
                        Lift: deedbox account restrict scanner.one --methods any --from any --data /srv/deedbox\n\n\
                        What is not named stays as it is. The second factor is asked beside password or key, whichever \
                        is allowed.")]
pub(crate) struct Restrict {
    /// The login
    login: String,
    /// What it may log in by: publickey, password, device-password, token; or any
    #[arg(long, value_name = "METHOD", value_delimiter = ',', num_args = 1.., required_unless_present = "from")]
    methods: Vec<OrAny<Method>>,
    /// The address ranges that it may come from, such as 192.0.2.0/24 or 2001:db8::/32; or any
    #[arg(long, value_name = "RANGE", value_delimiter = ',', num_args = 1..)]
    from: Vec<OrAny<AddressRange>>,
}

/// One of those, or `any`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct OrAny<T>(Option<T>);

impl<T: FromStr> FromStr for OrAny<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.eq_ignore_ascii_case("any") { Ok(Self(None)) } else { text.parse().map(|one| Self(Some(one))) }
    }
}

/// What an account can log in by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Method(AuthMethod);

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = LOGIN_METHODS.into_iter().find(|method| method.as_str() == text);
        known.map(Self).ok_or_else(|| {
            let words: Vec<_> = LOGIN_METHODS.iter().map(|method| method.as_str()).collect();
            format!("a method is {} or any; the second factor is asked beside them by itself", words.join(", "))
        })
    }
}

/// What stays as it is, what is lifted, and what is allowed alone.
fn change<T>(given: Vec<OrAny<T>>) -> Option<Vec<T>> {
    if given.is_empty() {
        return None;
    }
    let named: Option<Vec<T>> = given.into_iter().map(|one| one.0).collect();
    Some(named.unwrap_or_default())
}

impl Restrict {
    pub(super) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let login = operator.account(&self.login)?.login.clone();
        let methods = change(self.methods).map(|methods| methods.into_iter().map(|Method(one)| one).collect());
        let to = RestrictionChange { methods, from: change(self.from) };
        let subject = format!("{login}: {}", told(&to));
        let name = login.clone();
        let restrict = move |practice: &Practice, permit| practice.restrict(permit, &name, to);
        let account = operator.change(("account restrict", &subject, None), restrict).await?;
        let restriction = &account.restriction;
        let text = if restriction.is_none() {
            format!("{login} may log in by whatever opens it, from anywhere.\n")
        } else {
            format!("{login} may log in only: {restriction}. Sessions that are not so are ended.\n")
        };
        Reply::new(
            &serde_json::json!({ "login": login, "methods": restriction.methods, "from": restriction.from }),
            text,
        )
    }
}

/// For the record.
fn told(change: &RestrictionChange) -> String {
    let list = |words: Vec<String>| if words.is_empty() { "any".to_owned() } else { words.join(", ") };
    let methods = change
        .methods
        .iter()
        .map(|methods| format!("methods {}", list(methods.iter().map(|method| method.as_str().to_owned()).collect())));
    let from = change.from.iter().map(|from| format!("from {}", list(from.iter().map(ToString::to_string).collect())));
    methods.chain(from).collect::<Vec<_>>().join("; ")
}
