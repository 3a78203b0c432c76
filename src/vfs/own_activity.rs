//! What somebody did themselves, as far as they may know of it.

use super::tree::Found;
use super::{Error, View, blocking};
use crate::audit::{Act, Action, Detail, Lookup, Outcome, Page};
use crate::gate::SeeOwnAccount;
use crate::names::DocPath;

impl View {
    /// A page of what this session's account did, newest first.
    pub async fn own_activity(&self, lookup: Lookup) -> Result<Page, Error> {
        let gate = self.vfs.gate.clone();
        let permit = gate.permit_own::<SeeOwnAccount>(&self.session, "own activity", "").await?;
        let (found, permit) = blocking(move || Ok((gate.own_activity(&permit, &lookup), permit))).await?;
        match found {
            Ok(Page { acts, next }) => {
                permit.settle(Outcome::Done, Detail::default());
                let acts = acts.into_iter().map(|act| self.as_sent(act)).collect::<Result<_, _>>()?;
                Ok(Page { acts, next })
            }
            Err(cause) => {
                tracing::error!(%cause, "the record could not be read");
                permit.settle(Outcome::Failed, Detail::because(cause.to_string()));
                Err(Error::Unavailable)
            }
        }
    }

    /// What was put into a folder whose names this session may not know has the name under which it was sent: the number
    /// that another one may have made necessary would tell that there is another one. Of reasons there remains how somebody
    /// logged in; others are for those who look after the firm.
    fn as_sent(&self, act: Act) -> Result<Act, Error> {
        let reason = act.reason.filter(|_| act.action == Action::Login);
        let act = Act { reason, ..act };
        if !matches!(act.action, Action::Create | Action::Update | Action::MakeFolder | Action::Rename | Action::Move) {
            return Ok(act);
        }
        let [path, to] = [&act.path, &act.to].map(|path| path.as_deref().map(|path| self.sent(path)).transpose());
        Ok(Act { path: path?, to: to?, ..act })
    }

    fn sent(&self, text: &str) -> Result<String, Error> {
        let path = DocPath::parse(text.as_bytes()).ok();
        let Some((folder, name)) = path.as_ref().and_then(DocPath::split_last) else { return Ok(text.to_owned()) };
        let Some(plain) = name.unnumbered() else { return Ok(text.to_owned()) };
        let knows = self.look(|sight| {
            let place = match sight.find(&folder)? {
                Found::Structure(place) => place,
                Found::Entry(target, _) if target.is_folder => target.inside(),
                Found::Entry(..) | Found::Missing(..) | Found::NoParent => return Ok(false),
            };
            Ok(sight.seen.rights(&place).reveals())
        })?;
        if knows {
            return Ok(text.to_owned());
        }
        Ok(folder.join(plain).map_or_else(|_| text.to_owned(), |path| path.to_string()))
    }
}
