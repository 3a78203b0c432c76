//! Messages as people read and write them: what the pages of clients, those of staff and the API share. The tree decides who
//! sees them, judges what is sent, and gives it its name.

use bytes::Bytes;

use crate::names::{Area, DocName, DocPath, NameError, Rights};
use crate::vfs::{Error, Existing, MatterListing, Stat, View, WriteOptions};

/// The most of a message that is read: what was taken for one has no more.
pub(super) const MAX_MESSAGE: usize = 256 * 1024;
/// Folders below `Messages` that are looked into; a matter type has a handful.
const MOST_FOLDERS: usize = 100;

/// A folder of messages, as a session sees it.
pub(super) struct Conversation {
    pub(super) folder: DocPath,
    /// What the session may do in it.
    pub(super) rights: Rights,
    /// The oldest first.
    pub(super) messages: Vec<Message>,
}

/// A message, without what it says.
pub(super) struct Message {
    pub(super) path: DocPath,
    pub(super) stat: Stat,
}

impl Message {
    pub(super) fn name(&self) -> &str {
        self.stat.name.as_ref().map_or("", DocName::as_str)
    }
}

/// Why a message was not sent.
#[derive(Debug)]
pub(super) enum Unsent {
    /// Its subject cannot be part of a name.
    Subject(NameError),
    /// The tree does not take it.
    Tree(Error),
}

impl From<Error> for Unsent {
    fn from(error: Error) -> Self {
        Self::Tree(error)
    }
}

/// The folder of a matter's messages, if this session sees it.
pub(super) fn area_of(matter: &MatterListing) -> Option<DocPath> {
    let is_area = |name: &&DocName| name.as_str() == Area::Messages.folder();
    let name = matter.areas.iter().filter_map(|area| area.name.as_ref()).find(is_area)?;
    matter.path.clone().join(name.clone()).ok()
}

/// The folders of messages from this one down, those above first.
pub(super) async fn conversations(view: &View, area: DocPath) -> Result<Vec<Conversation>, Error> {
    let (mut open, mut found) = (vec![area], Vec::new());
    while let Some(folder) = open.pop() {
        if found.len() >= MOST_FOLDERS {
            return Err(Error::Limit("folders of messages"));
        }
        let listing = view.list(&folder).await?;
        let mut messages = Vec::new();
        for stat in listing.entries {
            let Some(path) = stat.name.clone().and_then(|name| folder.clone().join(name).ok()) else { continue };
            if stat.is_folder() {
                open.push(path);
            } else {
                messages.push(Message { path, stat });
            }
        }
        messages.sort_by(|a, b| (a.stat.created, &a.path).cmp(&(b.stat.created, &b.path)));
        found.push(Conversation { folder, rights: listing.folder.rights, messages });
    }
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(found)
}

/// What a message says, read with the session's own rights and recorded as read.
pub(super) async fn text(view: &View, path: &DocPath) -> Result<String, Error> {
    let reading = view.read(path).await?;
    let mut bytes = Vec::new();
    while bytes.len() < MAX_MESSAGE {
        let next = reading.read_at(bytes.len() as u64, MAX_MESSAGE - bytes.len()).await?;
        if next.is_empty() {
            break;
        }
        bytes.extend_from_slice(&next);
    }
    // What was taken for a message is text; what is older may not be.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends a message, an upload like any other; gives where it stands.
pub(super) async fn send(view: &View, folder: &DocPath, subject: &str, text: String) -> Result<Message, Unsent> {
    let name = DocName::parse(format!("{}.txt", subject.trim()).as_bytes()).map_err(Unsent::Subject)?;
    let path = folder.clone().join(name).map_err(Unsent::Subject)?;
    let options = WriteOptions { create: true, existing: Existing::Replace, expect_version: None };
    let writing = view.write(&path, options).await?;
    writing.append(Bytes::from(text)).await?;
    // A task of its own: a client that goes away now must not leave the commit half done and its record open.
    let (stat, _) = tokio::spawn(writing.commit()).await.unwrap_or(Err(Error::Unavailable))?;
    let given = stat.name.clone().ok_or(Error::Unavailable)?;
    let path = folder.clone().join(given).map_err(|_| Error::Unavailable)?;
    Ok(Message { path, stat })
}

/// What a message is about, by the name that the system has given: `2026-11-26 14.05.33 client.one@example.com – question.txt`.
pub(super) fn subject(name: &str) -> &str {
    name.split_once(" – ").map_or(name, |(_, subject)| subject)
}

/// Who sent it, by the same.
pub(super) fn sender(name: &str) -> Option<&str> {
    let (before, _) = name.split_once(" – ")?;
    before.splitn(3, ' ').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_and_subject_stand_in_a_messages_name() {
        let name = "2026-11-26 14.05.33 client.one@example.com – a – b.txt";
        assert_eq!((sender(name), subject(name)), (Some("client.one@example.com"), "a – b.txt"));
        assert_eq!((sender("old.txt"), subject("old.txt")), (None, "old.txt"));
    }
}
