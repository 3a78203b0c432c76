//! What a mail says, as its template gets it; nothing if nobody may be told any more.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::audience::{has_access, still_told};
use crate::names::{Area, MatterId, Timestamp};
use crate::outbox::{Item, Letter, Mail, Section, Topic};
use crate::practice::{Access, Account, Firm, LinkPurpose};

/// What every template may use. All of it is always there, so that a misspelt name is a mistake.
#[derive(Debug, Default, Serialize)]
pub(super) struct Page {
    /// The firm's name.
    pub(super) firm: String,
    /// The portal's address, without a slash at the end.
    pub(super) url: String,
    /// The single-use link of an invitation or a new password.
    pub(super) link: Option<String>,
    /// When that ends, or what else the mail is about.
    pub(super) expires: Option<String>,
    /// What the mail is about.
    pub(super) matters: Vec<MatterPart>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct MatterPart {
    pub(super) number: String,
    /// Nothing for a confidential matter.
    pub(super) name: Option<String>,
    pub(super) lines: Vec<Line>,
}

/// What came into one folder.
#[derive(Debug, Default, Serialize)]
pub(super) struct Line {
    pub(super) folder: String,
    /// True for messages, false for documents.
    pub(super) messages: bool,
    pub(super) count: u32,
    /// Who brought it, for the firm's own.
    pub(super) by: Option<String>,
    pub(super) names: Vec<String>,
    /// How many have no name here.
    pub(super) more: u32,
}

/// A mail with its address, ready for its template.
pub(super) struct Written {
    pub(super) address: String,
    pub(super) page: Page,
}

/// Whose mail it is, as its reader sees it.
pub(super) struct House<'a> {
    pub(super) firm: &'a Firm,
    pub(super) name: &'a str,
    pub(super) url: &'a str,
    pub(super) zone: &'a TimeZone,
}

impl House<'_> {
    /// What a mail says now.
    ///
    /// # Errors
    /// Why nobody is told any more.
    pub(super) fn write(&self, mail: &Mail, now: Timestamp) -> Result<Written, &'static str> {
        let account = mail.account().map(|id| self.firm.account(id).filter(|account| account.enabled));
        let account = match account {
            Some(None) => return Err("the account is gone or disabled"),
            Some(Some(account)) => Some(&**account),
            None => None,
        };
        let page = Page { firm: self.name.to_owned(), url: self.url.to_owned(), ..Page::default() };
        match &mail.topic {
            Topic::Letter(letter) => self.letter(letter, account, now, page),
            Topic::News { sections, .. } => self.news(sections, account, page),
        }
    }

    fn letter(
        &self,
        letter: &Letter,
        account: Option<&Account>,
        now: Timestamp,
        mut page: Page,
    ) -> Result<Written, &'static str> {
        if letter.expires().is_some_and(|expires| expires <= now) {
            return Err("its time is over");
        }
        if account.is_some_and(|account| !account.login.eq_ignore_ascii_case(letter.address())) {
            return Err("the account has another address now");
        }
        let link = |purpose: LinkPurpose, token: &str| format!("{}{}{token}", self.url, purpose.path());
        let access =
            |matter, is: fn(Access) -> bool| account.is_some_and(|account| has_access(self.firm, account, matter, is));
        match letter {
            Letter::Invitation { token, matter, .. } => {
                if matter.is_some_and(|matter| !access(matter, Access::is_on)) {
                    return Err("the invitation was called back");
                }
                page.link = Some(link(LinkPurpose::Invitation, token));
            }
            Letter::NewMatter { matter, .. } => {
                if !access(*matter, |access| access == Access::Active) {
                    return Err("the access was taken away");
                }
            }
            Letter::PasswordReset { token, .. } => {
                page.link = Some(link(LinkPurpose::Reset, token));
            }
            Letter::OldScanners { .. } | Letter::Test { .. } => {}
        }
        page.expires = letter.expires().map(|expires| self.clock(expires));
        page.matters = letter.matter().and_then(|matter| self.matter(matter)).into_iter().collect();
        Ok(Written { address: letter.address().to_owned(), page })
    }

    fn news(&self, sections: &[Section], account: Option<&Account>, mut page: Page) -> Result<Written, &'static str> {
        let account = account.filter(|account| account.login.contains('@')).ok_or("the account has no address")?;
        for section in sections.iter().filter_map(|section| still_told(self.firm, account, section)) {
            let Some(mut part) = self.matter(section.matter) else { continue };
            part.lines = section.items.into_iter().filter_map(|item| self.line(section.matter, item)).collect();
            page.matters.push(part);
        }
        page.matters.sort_by(|a, b| a.number.cmp(&b.number));
        match page.matters.is_empty() {
            true => Err("nothing of it may be told any more"),
            false => Ok(Written { address: account.login.clone(), page }),
        }
    }

    fn matter(&self, id: MatterId) -> Option<MatterPart> {
        let matter = self.firm.matter(id)?;
        let name = (!matter.watch.confidential).then(|| matter.name.clone());
        Some(MatterPart { number: matter.number.clone(), name, lines: Vec::new() })
    }

    fn line(&self, matter: MatterId, item: Item) -> Option<Line> {
        let folder = self.firm.matter(matter)?.rules.folders.get(&item.folder)?;
        let by = item.by.and_then(|by| self.firm.account(by));
        let contact = by.and_then(|by| by.contact).and_then(|contact| self.firm.contact(contact));
        let by = contact.map(|contact| contact.name.clone()).or(by.map(|by| by.login.clone()));
        let names: Vec<_> = item.names.iter().map(ToString::to_string).collect();
        let more = item.count.saturating_sub(u32::try_from(names.len()).unwrap_or(u32::MAX));
        let messages = folder.area == Area::Messages;
        Some(Line { folder: folder.label.clone(), messages, count: item.count, by, names, more })
    }

    /// By the firm's clock, with its name.
    fn clock(&self, time: Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(time.as_millis()) {
            Ok(time) => time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string(),
            Err(_) => time.to_string(),
        }
    }
}
