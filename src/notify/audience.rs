//! Who is told of what: judged on the firm as it is at that moment, once when a mail is made and again when it is sent.
//!
//! The firm's uploads are told to the participants who can see them; a participant's to the matter's owner and followers,
//! and to other participants who can see it only where the firm has switched that on, and then without saying whose it is.

use std::collections::BTreeMap;

use crate::names::{AccountId, MatterId, NodeId, Place, Role};
use crate::outbox::{Cause, Item, MAX_ITEMS, MAX_NAMES, News, Section};
use crate::policy::{self, Standing};
use crate::practice::{Access, Account, Firm, Matter, Party};

/// How the firm wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes {
    /// Mails may name documents.
    pub(super) names: bool,
    /// A participant's upload is told to other participants.
    pub(super) participants: bool,
}

/// What one recipient is told of one matter.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) to: AccountId,
    /// The daily digest is theirs; the firm's own hear at once.
    pub(super) is_participant: bool,
    pub(super) section: Section,
}

/// Who is told of news of one matter.
pub(super) fn audience(firm: &Firm, group: &[News], wishes: Wishes) -> Vec<Told> {
    let Some(matter) = group.first().and_then(|news| firm.matter(news.matter)) else { return Vec::new() };
    let names = wishes.names && !matter.watch.confidential;
    let from_the_firm = |news: &News| firm.account(news.by).is_some_and(|account| account.role == Role::Staff);
    let mut told = Vec::new();
    for account in listening(firm, matter) {
        let from_outside = group.iter().filter(|news| !from_the_firm(news) && news.by != account.id);
        let sections = sections(matter.id, from_outside, names, |news| Some(news.by));
        told.extend(sections.into_iter().map(|section| Told { to: account.id, is_participant: false, section }));
    }
    for account in participating(firm, matter) {
        let standing = firm.standing(account);
        let sees = |folder| may_see(&standing, matter, folder);
        let news = group.iter().filter(|news| {
            let is_new = match news.cause {
                Cause::Moved { from } => !sees(from),
                Cause::Uploaded | Cause::Copied => true,
            };
            news.by != account.id && (wishes.participants || from_the_firm(news)) && is_new && sees(news.folder)
        });
        let sections = sections(matter.id, news, names, |_| None);
        told.extend(sections.into_iter().map(|section| Told { to: account.id, is_participant: true, section }));
    }
    told
}

/// What of a section its recipient may still be told.
pub(super) fn still_told(firm: &Firm, account: &Account, section: &Section) -> Option<Section> {
    let matter = firm.matter(section.matter)?;
    let mut section = section.clone();
    match account.role {
        Role::Staff => section.items.retain(|item| matter.folder(item.folder).is_some()),
        Role::Participant => {
            let standing = firm.standing(account);
            section.items.retain(|item| may_see(&standing, matter, item.folder));
        }
        Role::Device | Role::Admin | Role::Auditor => return None,
    }
    if matter.watch.confidential {
        section.items.iter_mut().for_each(|item| item.names.clear());
    }
    (!section.items.is_empty()).then_some(section)
}

/// True if a party's access to the matter is as it must be for a letter about it.
pub(super) fn has_access(firm: &Firm, account: &Account, matter: MatterId, access: fn(Access) -> bool) -> bool {
    let party = account.contact.map(Party::Contact);
    party.and_then(|party| firm.participant(matter, party)).is_some_and(|one| access(one.access))
}

fn listening<'f>(firm: &'f Firm, matter: &'f Matter) -> impl Iterator<Item = &'f Account> {
    let accounts = matter.watch.listeners().filter_map(move |id| firm.account(id));
    accounts.filter(|account| account.enabled && account.role == Role::Staff).map(AsRef::as_ref)
}

fn participating<'f>(firm: &'f Firm, matter: &'f Matter) -> impl Iterator<Item = &'f Account> {
    let parties = firm.participants_of(matter.id).iter().map(|one| one.party);
    // A device has no mailbox.
    let people = parties.filter(|party| matches!(party, Party::Contact(_)));
    people.filter_map(move |party| firm.account_of(party)).map(AsRef::as_ref)
}

/// Can an object in the folder be seen by name? Access, switches and areas are part of the standing.
fn may_see(standing: &Standing, matter: &Matter, folder: NodeId) -> bool {
    let chain: Vec<_> = matter.way_to(folder).map(|folder| folder.id).collect();
    let place = Place {
        matter: Some(matter.id),
        structure: chain.len(),
        chain,
        own: false,
        transient: false,
        path: Default::default(),
    };
    policy::granted(standing, &matter.rules, &place).rights.reveals()
}

/// News as lines, one for each folder and whoever is named, in as many sections as a mail can hold.
fn sections<'n>(
    matter: MatterId,
    news: impl Iterator<Item = &'n News>,
    names: bool,
    by: impl Fn(&News) -> Option<AccountId>,
) -> Vec<Section> {
    let mut lines: BTreeMap<(NodeId, Option<AccountId>), Item> = BTreeMap::new();
    let (mut named, mut since) = (0, None);
    for news in news {
        let (folder, by) = (news.folder, by(news));
        let line = lines.entry((folder, by)).or_insert(Item { folder, by, count: 0, names: Vec::new() });
        line.count = line.count.saturating_add(1);
        if let Some(name) = news.name.as_ref().filter(|_| names && named < MAX_NAMES) {
            line.names.push(name.clone());
            named += 1;
        }
        since = since.into_iter().chain([news.since]).min();
    }
    let Some(since) = since else { return Vec::new() };
    let lines: Vec<_> = lines.into_values().collect();
    lines.chunks(MAX_ITEMS).map(|items| Section { matter, items: items.to_vec(), since }).collect()
}
