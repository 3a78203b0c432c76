//! The mails of the store: made from news in one transaction, taken out once the server has them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::mail::key_of;
use super::noticeboard::key_of as news_key;
use super::{Delivery, Letter, Mail, News, Section};
use crate::kv::{Error, Sealed, SealedStore};
use crate::names::{AccountId, MailId, Timestamp};

pub(super) const MAILS: &[u8] = b"om";
pub(super) const DIGESTS: &[u8] = b"od";
const WARNED: &[u8] = b"ow";

/// How often administrators are warned of the same thing.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often a mail is looked at again that changes while it is taken out.
const ATTEMPTS: usize = 16;

/// The mails that wait, and the way from news to mails. All methods block.
pub struct Mails {
    store: Arc<SealedStore>,
}

impl Mails {
    /// The mails of a store.
    pub fn new(store: Arc<SealedStore>) -> Self {
        Self { store }
    }

    /// All of them, those written first before the others.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn all(&self) -> Result<Vec<Mail>, Error> {
        let mut all: Vec<Mail> = Vec::new();
        self.store.scan(MAILS, None, |_, mail| {
            all.push(mail);
            ControlFlow::Continue(())
        })?;
        all.sort_by_key(|mail| (mail.written, mail.id));
        Ok(all)
    }

    /// Makes mails of news: one transaction takes the news down and puts the mails (and what waits for the end of the day)
    /// in its place, so that a crash between neither loses nor doubles anything. False if some of the news changed meanwhile;
    /// nothing happened then.
    ///
    /// # Errors
    /// As [`Change::commit`](crate::kv::Change::commit), but for a conflict.
    pub fn compose(&self, news: &[News], mails: &[Mail], digests: &[(AccountId, Section)]) -> Result<bool, Error> {
        let mut change = self.store.change();
        for one in news {
            match self.store.get::<News>(&news_key(one))? {
                Some(found) if found.value == *one => change.if_unchanged(&found).delete(found.key()),
                _ => return Ok(false),
            };
        }
        for mail in mails {
            change.put(&mail.key(), mail);
        }
        // A recipient may have several sections of one matter: they are one record.
        let mut by_key: BTreeMap<Vec<u8>, Section> = BTreeMap::new();
        for (to, section) in digests {
            let key = digest_key(*to, section);
            let all = match by_key.remove(&key) {
                Some(before) => before.with(section.clone()),
                None => section.clone(),
            };
            by_key.insert(key, all);
        }
        for (key, section) in by_key {
            match self.store.get::<Section>(&key)? {
                Some(found) => {
                    let all = found.value.clone().with(section);
                    change.if_unchanged(&found).put(&key, &all)
                }
                None => change.if_absent(&key).put(&key, &section),
            };
        }
        match change.commit() {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What waits for the end of the day, by recipient.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn digests(&self) -> Result<Vec<(AccountId, Section)>, Error> {
        let mut all = Vec::new();
        self.store.scan(DIGESTS, None, |key, section| {
            if let Some(account) = key.get(2..18).and_then(|bytes| bytes.try_into().ok()) {
                all.push((AccountId::from_bytes(account), section));
            }
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    /// Ends the day of one recipient: what waited becomes mails, in one transaction.
    ///
    /// # Errors
    /// As [`Mails::compose`].
    pub fn close_day(&self, to: AccountId, sections: &[Section], mails: &[Mail]) -> Result<(), Error> {
        let mut change = self.store.change();
        for section in sections {
            change.delete(&digest_key(to, section));
        }
        for mail in mails {
            change.put(&mail.key(), mail);
        }
        change.commit().map(drop)
    }

    /// One as it stands now.
    ///
    /// # Errors
    /// As [`SealedStore::get`].
    pub fn get(&self, id: MailId) -> Result<Option<Sealed<Mail>>, Error> {
        self.store.get(&key_of(id))
    }

    /// How many wait, and how many were refused for good.
    ///
    /// # Errors
    /// As [`SealedStore::scan`].
    pub fn counts(&self) -> Result<(usize, usize), Error> {
        let all = self.all()?;
        let refused = all.iter().filter(|mail| mail.delivery.is_refused).count();
        Ok((all.len() - refused, refused))
    }

    /// Has a letter sent that tells of nothing else in the store. Answers its id.
    ///
    /// # Errors
    /// As [`Change::commit`](crate::kv::Change::commit).
    pub fn post(&self, letter: Letter) -> Result<MailId, Error> {
        let id = letter.id();
        let mut change = self.store.change();
        super::put(&mut change, letter);
        change.commit().map(|_| id)
    }

    /// Has letters sent that warn, unless some were within the week before. Answers whether they are.
    ///
    /// # Errors
    /// As [`Mails::compose`].
    pub fn warn(&self, letters: Vec<Letter>, now: Timestamp) -> Result<bool, Error> {
        let last = self.store.get::<Timestamp>(WARNED)?;
        // A warning that lies ahead was written by a clock that has been set back since.
        let is_fresh = |last: Timestamp| last <= now && now < last.after(WEEK);
        if letters.is_empty() || last.as_ref().is_some_and(|last| is_fresh(last.value)) {
            return Ok(false);
        }
        let mut change = self.store.change();
        match &last {
            Some(last) => change.if_unchanged(last).put(WARNED, &now),
            None => change.if_absent(WARNED).put(WARNED, &now),
        };
        for letter in letters {
            super::put(&mut change, letter);
        }
        match change.commit() {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes a mail out: the server has it, or nobody may be told any more. Another letter that took its place stays; that an
    /// operator asked for another attempt meanwhile does not keep it.
    ///
    /// # Errors
    /// As [`Change::commit`](crate::kv::Change::commit); a conflict, if the mail keeps changing.
    pub fn remove(&self, mail: &Mail) -> Result<(), Error> {
        let mut done = Err(Error::Conflict);
        for _ in 0..ATTEMPTS {
            let Some(now) = self.get(mail.id)?.filter(|now| now.value.seed == mail.seed) else { return Ok(()) };
            done = self.store.change().if_unchanged(&now).delete(now.key()).commit().map(drop);
            if !matches!(done, Err(Error::Conflict)) {
                break;
            }
        }
        done
    }

    /// Keeps what sending a mail came to.
    ///
    /// # Errors
    /// As [`Mails::compose`].
    pub fn note(&self, mail: &Sealed<Mail>, delivery: Delivery) -> Result<(), Error> {
        let next = Mail { delivery, ..mail.value.clone() };
        unless_replaced(self.store.change().if_unchanged(mail).put(mail.key(), &next).commit())
    }

    /// Has mails tried now, refused ones too: one, or all. Answers how many.
    ///
    /// # Errors
    /// As [`Mails::compose`].
    pub fn retry(&self, id: Option<MailId>) -> Result<usize, Error> {
        let mut count = 0;
        for mail in self.all()?.into_iter().filter(|mail| id.is_none_or(|id| id == mail.id)) {
            if let Some(found) = self.get(mail.id)? {
                let next = Delivery { next: Timestamp::now(), is_refused: false, ..found.value.delivery.clone() };
                self.note(&found, next)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// What stands for a mail in its Message-ID: the same at every attempt, and telling nothing.
    pub fn message_tag(&self, mail: &Mail) -> [u8; 16] {
        let context = [b"message-id", &mail.id.as_bytes()[..], &mail.seed.to_be_bytes()].concat();
        self.store.name_tag(&context, "")
    }
}

/// A conflict means that another letter took the mail's place meanwhile; what happened to the old one is of no interest then.
fn unless_replaced(result: Result<u64, Error>) -> Result<(), Error> {
    match result {
        Ok(_) | Err(Error::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

fn digest_key(to: AccountId, section: &Section) -> Vec<u8> {
    [DIGESTS, to.as_bytes(), section.matter.as_bytes()].concat()
}
