//! A document fetched in one go.

use bytes::Bytes;
use futures_util::FutureExt as _;

use super::tree::entry_stat;
use super::{Error, Reading, Stat, View};
use crate::gate;
use crate::names::DocPath;
use crate::vault::{self, FETCHED_WHOLE, FetchedNow};

/// A document as it was fetched.
pub enum Fetched {
    /// All of a small one.
    Whole(Stat, Bytes),
    /// A larger one, open for reading.
    Open(Reading),
}

impl View {
    /// Fetches the current version of a document for who wants all of it: a small one (64 KiB at most) whole, once the record
    /// that says so is durable; a larger one is opened, as by [`Self::read`].
    pub async fn fetch(&self, path: &DocPath) -> Result<Fetched, Error> {
        let (target, _) = self.to_be_read::<gate::Fetch>(path).await?;
        if target.size > FETCHED_WHOLE {
            return self.open(target).boxed().await.map(Fetched::Open);
        }
        let asked_after = self.vfs.gate.losses_so_far();
        let rights = self.look(|sight| Ok(sight.rights_on(&target)))?;
        let permit = self.permit::<gate::Fetch>(target).await?;
        let withheld = match self.vfs.vault.fetch_now(permit) {
            FetchedNow::Withheld(withheld) => withheld,
            FetchedNow::NotInMemory(permit) => self.blocking(|vault| Ok(vault.fetch(permit))).await?,
        };
        match self.vfs.gate.release(&self.session, withheld, asked_after).await? {
            Ok(whole) => {
                metrics::counter!("deedbox_documents_opened_total").increment(1);
                Ok(Fetched::Whole(entry_stat(&whole.entry, rights), whole.bytes.into()))
            }
            // It is no longer small.
            Err(vault::Error::Changed) => self.read(path).boxed().await.map(Fetched::Open),
            Err(error) => Err(error.into()),
        }
    }
}
