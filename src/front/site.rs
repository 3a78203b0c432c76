//! What answers on the HTTPS listener beside the drive. The drive knows it by this alone, and what answers knows nothing of the
//! drive; both are held to the same limits of connections, time and accounts.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::http::request::Parts;
use parking_lot::Mutex;

use super::http_answer::{Body, Connection, InFlight, Response};
use super::http_upload::Upload;
use super::limits::{Bounds, Holding, Limit};
use crate::config::Limits;
use crate::names::{AccountId, Front};

/// Answers every request that is not the drive's. Never fails: every failure is an answer.
pub trait Site: Send + Sync {
    /// The answer, and the request's body for what is left of it to be read off; nothing if that was given up.
    #[allow(private_interfaces, reason = "made in this module's siblings alone; the daemon only carries it")]
    fn answer(
        &self,
        visit: Arc<Visit>,
        parts: Parts,
        upload: Upload,
    ) -> BoxFuture<'static, (Response<Body>, Option<Upload>)>;
}

/// The API and the pages, each where it is on the listener.
pub struct Sites {
    /// Answers `/api` and what is below.
    pub api: Arc<dyn Site>,
    /// Answers everything else.
    pub pages: Arc<dyn Site>,
}

impl Site for Sites {
    #[allow(private_interfaces, reason = "as in the trait")]
    fn answer(
        &self,
        visit: Arc<Visit>,
        parts: Parts,
        upload: Upload,
    ) -> BoxFuture<'static, (Response<Body>, Option<Upload>)> {
        let rest = parts.uri.path().strip_prefix("/api");
        let site =
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) { &self.api } else { &self.pages };
        site.answer(visit, parts, upload)
    }
}

/// One request, as it counts: whose it is and what its account holds for it until its answer has been taken.
pub(super) struct Visit {
    connection: Arc<Connection>,
    bounds: Arc<Bounds>,
    in_flight: Mutex<Option<InFlight>>,
}

impl Visit {
    pub(super) fn new(connection: Arc<Connection>, bounds: Arc<Bounds>, in_flight: InFlight) -> Self {
        Self { connection, bounds, in_flight: Mutex::new(Some(in_flight)) }
    }

    /// The address at the other end.
    pub(super) fn peer(&self) -> IpAddr {
        self.connection.peer
    }

    /// As they were when the connection was accepted.
    pub(super) fn limits(&self) -> &Limits {
        &self.connection.limits
    }

    /// The connection is that of somebody who has logged in.
    pub(super) fn login(&self, account: AccountId) -> Result<(), Limit> {
        self.connection.place.login(account)
    }

    /// One more of something that the account may have only so much of.
    pub(super) fn hold(&self, account: AccountId, holding: Holding, door: Front) -> Result<(), Limit> {
        let mut in_flight = self.in_flight.lock();
        in_flight.as_mut().map_or(Ok(()), |request| request.hold(&self.bounds, account, holding, door))
    }

    /// The request has been answered; what it holds goes with its answer.
    pub(super) fn end(&self) -> InFlight {
        self.in_flight.lock().take().unwrap_or_else(|| self.connection.begin())
    }
}
