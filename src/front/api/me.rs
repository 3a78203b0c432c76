//! `/me`: whom the token stands for.

use serde_json::json;

use super::answer::Answer;
use super::caller::Caller;
use super::problem::Problem;

pub(super) async fn show(caller: Caller) -> Result<Answer, Problem> {
    let settings = caller.api.settings.load();
    let contact = caller.firm().account(caller.session.account()).and_then(|account| account.contact);
    Answer::of(&json!({
        "login": caller.session.login(),
        "role": caller.session.role(),
        "scope": caller.session.scope(),
        "contact": contact.map(|id| id.to_string()),
        "firm": settings.firm,
    }))
}
