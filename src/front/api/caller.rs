//! Whoever a token stands for, as the resources get them, and what they do there: each look and each change is permitted and
//! recorded first, in the words of the command line.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};
use zeroize::Zeroizing;

use super::problem::Problem;
use super::service::Shared;
use crate::audit::{Detail, Outcome};
use crate::front::limits::Holding;
use crate::front::site::Visit;
use crate::gate::{Administer, Manage, Operation, Permit, Session};
use crate::names::{AdminTarget, ContactId, Front, MatterId, Role, Scope};
use crate::practice::{Contact, Firm, Matter, Practice};
use crate::vfs::{self, Vfs, View};

/// What the record is told of what went wrong, in characters.
const MAX_REASON: usize = 1000;

/// Whoever has shown a good token whose scope reaches as far as the method of the request does.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) api: Arc<Shared>,
    pub(super) session: Arc<Session>,
    pub(super) visit: Arc<Visit>,
}

/// A caller on what permits of this kind are for.
pub(super) struct Acting<O> {
    pub(super) caller: Caller,
    kind: PhantomData<fn() -> O>,
}

/// A caller who works for the firm.
pub(super) type Staff = Acting<Manage>;
/// A caller who administers the firm, where that can be done here at all.
pub(super) type Administrator = Acting<Administer>;

/// What the record says is done: an action of the command line, what it is about, and the matter.
pub(super) type Act<'a> = (&'a str, &'a str, Option<MatterId>);

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Shared>) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let visit = parts.extensions.get::<Arc<Visit>>().cloned().ok_or_else(Problem::unavailable)?;
        let token = token(&parts.headers)?;
        let session = api.gate.login_token(visit.peer(), &token).await?;
        let account = session.account();
        visit.login(account)?;
        visit.hold(account, Holding::Request, Front::Api)?;
        // A token that expires between two requests.
        api.gate.viewpoint(&session, |_| ())?;
        if !matches!(parts.method, Method::GET | Method::HEAD) && session.scope() < Scope::Manage {
            return Err(Problem::needs(Scope::Manage));
        }
        let caller = Self { api: api.clone(), session, visit };
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// The token of a request (RFC 6750 section 2.1); those in a form or in the address are not looked at.
fn token(headers: &HeaderMap) -> Result<Zeroizing<String>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(Problem::no_token)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::no_token());
    }
    Ok(Zeroizing::new(token.trim().to_owned()))
}

impl Caller {
    /// The firm as it is now.
    pub(super) fn firm(&self) -> Arc<Firm> {
        self.api.gate.practice().firm()
    }

    /// The tree as this caller sees it.
    pub(super) fn view(&self) -> View {
        self.api.vfs.view(&self.session)
    }

    /// The same caller as one who works for the firm, if it is one.
    pub(super) fn staff(&self) -> Option<Staff> {
        matches!(self.session.role(), Role::Staff | Role::Admin).then(|| Acting::of(self.clone()))
    }
}

impl FromRequestParts<Arc<Shared>> for Staff {
    type Rejection = Problem;

    /// For everybody else there is nothing here.
    async fn from_request_parts(parts: &mut Parts, api: &Arc<Shared>) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, api).await?.staff().ok_or_else(Problem::not_found)
    }
}

impl FromRequestParts<Arc<Shared>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Shared>) -> Result<Self, Problem> {
        if !api.settings.load().administer {
            return Err(Problem::not_found());
        }
        let caller = Caller::from_request_parts(parts, api).await?;
        match (caller.session.role(), caller.session.scope()) {
            (Role::Admin, Scope::Admin) => Ok(Self::of(caller)),
            (Role::Admin, _) => Err(Problem::needs(Scope::Admin)),
            _ => Err(Problem::not_found()),
        }
    }
}

impl<O: Operation<Target = AdminTarget>> Acting<O> {
    fn of(caller: Caller) -> Self {
        Self { caller, kind: PhantomData }
    }

    pub(super) fn firm(&self) -> Arc<Firm> {
        self.caller.firm()
    }

    async fn permit(&self, (action, subject, matter): Act<'_>) -> Result<Permit<O>, Problem> {
        Ok(self.caller.api.gate.permit_act(&self.caller.session, action, subject, matter).await?)
    }

    /// Permits and records a look at the firm's records.
    pub(super) async fn look(&self, act: Act<'_>) -> Result<(), Problem> {
        self.permit(act).await?.settle(Outcome::Done, Detail::default());
        Ok(())
    }

    /// A permitted change of the firm's records, made on the blocking pool: it waits for the disk.
    pub(super) async fn change<T, E>(
        &self,
        act: Act<'_>,
        change: impl FnOnce(&Practice, Permit<O>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let permit = self.permit(act).await?;
        let practice = self.caller.api.gate.practice().clone();
        blocking(move || change(&practice, permit)).await?.map_err(Into::into)
    }

    /// A permitted look into the tree, made on the blocking pool: it reads the catalog.
    pub(super) async fn inspect<T: Send + 'static>(
        &self,
        act: Act<'_>,
        look: impl FnOnce(&Vfs, &Permit<O>) -> Result<T, vfs::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permit(act).await?;
        let vfs = self.caller.api.vfs.clone();
        let (found, permit) = blocking(move || (look(&vfs, &permit), permit)).await?;
        match &found {
            Ok(_) => permit.settle(Outcome::Done, Detail::default()),
            Err(cause) => {
                let reason: String = cause.to_string().chars().take(MAX_REASON).collect();
                permit.settle(Outcome::Failed, Detail::because(reason));
            }
        }
        Ok(found?)
    }

    /// The matter of this number.
    pub(super) fn matter(&self, number: &str) -> Result<Arc<Matter>, Problem> {
        self.firm().matter_by_number(number).cloned().ok_or_else(Problem::not_found)
    }

    /// The contact with this id, or the one with this e-mail address.
    pub(super) fn contact(&self, name: &str) -> Result<Arc<Contact>, Problem> {
        let firm = self.firm();
        if let Some(contact) = name.parse::<ContactId>().ok().and_then(|id| firm.contact(id)) {
            return Ok(contact.clone());
        }
        let found = firm.contacts_by_email(name);
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Problem::not_found()),
            several => {
                let ids: Vec<_> = several.iter().map(|one| one.id.to_string()).collect();
                let detail = "several contacts have this address: say the id of the one that is meant";
                Err(Problem::of_kind(StatusCode::CONFLICT, "shared-address", detail).with("contacts", ids.into()))
            }
        }
    }
}

/// Runs what waits for the disk beside the tasks that must not wait.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request ended early");
        Problem::unavailable()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_the_one_header_and_from_nowhere_else() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().expect("a value"));
            }
            token(&headers).ok().map(|token| token.to_string())
        };
        assert_eq!(read(&["Bearer abc-def"]).as_deref(), Some("abc-def"));
        assert_eq!(read(&["bearer  abc-def "]).as_deref(), Some("abc-def"));
        for none in [&[][..], &["Basic abc"], &["Bearer a", "Bearer b"], &["Bearerabc"]] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
