//! `/matter-types`: the templates of matters; for the administrator.

use axum::extract::{FromRequest as _, FromRequestParts as _, Path, Request};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, Seen};
use super::caller::Administrator;
use super::input::{Asked, Input};
use super::page::Which;
use super::problem::Problem;
use crate::practice::{Firm, MatterType, Practice, TypeChange, parse_matter_type};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// The matter type as TOML, as at the command line.
    toml: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    #[serde(default)]
    confirm: bool,
}

/// A matter type in answers.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    version: u32,
    participants: Vec<String>,
    folders: usize,
    toml: String,
}

pub(super) async fn list(administrator: Administrator, Asked(which): Asked<Which>) -> Result<Answer, Problem> {
    administrator.look(("matter-type list", "", None)).await?;
    let all: Vec<_> = administrator.firm().matter_types().iter().map(|kind| shown(kind)).collect();
    Answer::of(&which.of(all, |kind| kind.name.clone())?)
}

pub(super) async fn show(administrator: Administrator, Path(name): Path<String>) -> Result<Answer, Problem> {
    let kind = administrator.firm().matter_type(&name).ok_or_else(Problem::not_found)?;
    administrator.look(("matter-type show", kind.name(), None)).await?;
    Answer::resource(&shown(&kind))
}

/// A new matter type, or the next version of one: the first goes with `If-None-Match: *`, the second with `If-Match`.
pub(super) async fn apply(
    administrator: Administrator,
    Path(name): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let is_new = request.headers().get(hyper::header::IF_NONE_MATCH).is_some_and(|value| value == "*");
    let (mut parts, body) = request.into_parts();
    let seen = match is_new {
        true => None,
        false => Some(Seen::from_request_parts(&mut parts, &()).await?),
    };
    let request = Request::from_parts(parts, body);
    let Input(New { toml }) = Input::from_request(request, &()).await?;
    let spec = parse_matter_type(&toml, "toml").map_err(|mistakes| Problem::unfit(mistakes.to_string()))?;
    if administrator.firm().matter_type(&name).map_or(spec.name() != name, |kind| kind.name() != spec.name()) {
        return Err(Problem::unfit("the name in the address is not that of the matter type"));
    }
    let before = administrator.firm().matter_type(&name);
    match (&seen, &before) {
        (Some(seen), Some(before)) => Seen::check(seen, &shown(before))?,
        (Some(_), None) | (None, Some(_)) => return Err(Problem::changed()),
        (None, None) => {}
    }
    let subject = spec.name().to_owned();
    let apply = move |practice: &Practice, permit| {
        let is_seen = |firm: &Firm| match (&seen, firm.matter_type(&name)) {
            (Some(seen), Some(kind)) => seen.is(&shown(&kind)),
            (None, None) => true,
            _ => false,
        };
        practice.edit_matter_type(permit, is_seen, spec)
    };
    let kind = administrator.change(("matter-type apply", &subject, None), apply).await?;
    Answer::resource(&shown(&kind))
}

/// Brings all matters of the type to its current version; without `confirm` it says what would change on which.
pub(super) async fn push(
    administrator: Administrator,
    Path(name): Path<String>,
    Input(push): Input<Push>,
) -> Result<Answer, Problem> {
    let kind = administrator.firm().matter_type(&name).ok_or_else(Problem::not_found)?;
    let name = kind.name().to_owned();
    if push.confirm {
        let wanted = name.clone();
        let push = move |practice: &Practice, permit| practice.push_matter_type(permit, &wanted);
        let done = administrator.change(("matter-type push", &name, None), push).await?;
        return Answer::of(&json!({ "matters": done.iter().map(change).collect::<Vec<_>>() }));
    }
    administrator.look(("matter-type push preview", &name, None)).await?;
    let changes = administrator.firm().push_preview(&name)?;
    if changes.is_empty() {
        return Answer::of(&json!({ "matters": [] }));
    }
    let detail =
        "this would change what is named in `matters`; nothing was changed; send it again with \"confirm\": true";
    let matters: Vec<_> = changes.iter().map(change).collect();
    Err(Problem::of_kind(StatusCode::CONFLICT, "confirmation-needed", detail).with("matters", matters.into()))
}

fn change(one: &TypeChange) -> serde_json::Value {
    let rights = |change: &crate::practice::RightsChange| {
        json!({
            "folder": change.folder,
            "type": change.participant_type,
            "from": change.from.to_string(),
            "to": change.to.to_string(),
        })
    };
    json!({
        "matter": one.number,
        "from": one.from,
        "to": one.to,
        "added": one.added,
        "closed": one.closed,
        "rights": one.rights.iter().map(rights).collect::<Vec<_>>(),
        "without_type": one.without_type,
    })
}

fn shown(kind: &MatterType) -> Shown {
    Shown {
        name: kind.name().to_owned(),
        version: kind.version,
        participants: kind.spec.participants().to_vec(),
        folders: kind.folder_count(),
        toml: kind.spec.to_toml(),
    }
}
