//! What stands around every page, and how a page becomes an answer.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::sessions::Guest;
use super::site::Portal;
use super::status::Failure;

/// What stands around a page.
pub(super) struct Frame {
    pub(super) firm: String,
    /// The firm has a colour of its own.
    pub(super) coloured: bool,
    /// It has a logo.
    pub(super) logo: bool,
    pub(super) title: String,
    /// There are drop boxes, or something that came into one waits for a person.
    pub(super) intake: bool,
    /// Whoever is signed in.
    pub(super) person: Option<Known>,
    pub(super) notice: Option<Notice>,
}

/// Somebody who is signed in, as pages need them.
pub(super) struct Known {
    pub(super) login: String,
    /// Goes into every form.
    pub(super) csrf: String,
    /// Manages the firm's matters.
    pub(super) is_staff: bool,
    /// Administers the firm.
    pub(super) is_administrator: bool,
    /// Reads the whole record.
    pub(super) reads_record: bool,
}

/// Something that is told above a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    Done(String),
    Failed(String),
}

impl Notice {
    /// Its class in the style sheet.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Self::Done(_) => "notice done",
            Self::Failed(_) => "notice failed",
        }
    }

    /// How it is announced to who cannot see it.
    pub(super) fn role(&self) -> &'static str {
        match self {
            Self::Done(_) => "status",
            Self::Failed(_) => "alert",
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Done(text) | Self::Failed(text) => text,
        }
    }
}

impl Frame {
    pub(super) fn new(portal: &Portal, title: impl Into<String>, guest: Option<&Guest>) -> Self {
        let known = |guest: &Guest| {
            Some(Known {
                login: guest.login()?,
                csrf: guest.csrf().to_owned(),
                is_staff: guest.is_staff(),
                is_administrator: guest.is_administrator(),
                reads_record: guest.reads_record(),
            })
        };
        let settings = portal.settings.load();
        Self {
            firm: settings.firm.clone(),
            coloured: settings.colour.is_some(),
            logo: settings.logo.is_some(),
            title: title.into(),
            intake: portal.vfs.intake().is_some() || portal.vfs.held_counts().quarantined > 0,
            person: guest.and_then(known),
            notice: None,
        }
    }

    /// What the first page is called.
    pub(super) fn home(&self) -> &'static str {
        match &self.person {
            Some(person) if person.is_administrator => "Administration",
            Some(person) if person.is_staff => "Matters",
            Some(person) if person.reads_record => "The record",
            _ => "My matters",
        }
    }

    /// Whether the page is shown to who administers the firm.
    pub(super) fn is_administrator(&self) -> bool {
        self.person.as_ref().is_some_and(|person| person.is_administrator)
    }

    /// The token for this page's forms; they would be refused without.
    pub(super) fn csrf(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.csrf)
    }
}

/// A page as an answer.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let mut response = (status, html).into_response();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            Failure::unavailable().into_response()
        }
    }
}
