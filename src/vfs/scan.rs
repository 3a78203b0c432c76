//! Uploads pass a virus scan, where the firm has one, after their last byte and before anybody can see them.

use std::sync::Arc;

use super::writing::{Queue, Writing, write_all};
use super::{Error, Vfs, blocking};
use crate::audit::Outcome;
use crate::intake::{Scanner, Unclean, Verdict};
use crate::vault::Incoming;

impl Vfs {
    /// Has uploads scanned by this one from now on, or by none.
    pub fn set_scanner(&self, scanner: Option<Arc<Scanner>>) {
        self.scanner.store(scanner);
    }

    /// Who scans uploads, if anybody does.
    pub fn scanner(&self) -> Option<Arc<Scanner>> {
        self.scanner.load_full()
    }
}

impl Writing {
    /// Passes an upload on that may be taken, with the bytes that it has not taken yet. Of one that may not nothing is kept,
    /// and the record says why.
    pub(super) async fn scanned(&self, mut incoming: Incoming, queue: Queue) -> Result<(Incoming, Queue), Error> {
        let scanner = self.view.vfs.scanner().filter(|scanner| scanner.scans(self.view.session.role()));
        let Some(scanner) = scanner else { return Ok((incoming, queue)) };
        // What comes into a drop box is scanned before it is delivered, and can come while the scanner is away.
        if incoming.intent().is_arriving() {
            return Ok((incoming, queue));
        }
        if queue.is_empty() && (incoming.is_empty() || !incoming.is_new()) {
            return Ok((incoming, queue));
        }
        let turn = scanner.turn().await;
        blocking(move || {
            write_all(&mut incoming, &queue)?;
            let length = incoming.len();
            match turn.scan(length, |offset, buffer| incoming.read_at(offset, buffer))? {
                Verdict::Passed => Ok((incoming, Queue::new())),
                Verdict::Refused(unclean, reason) => {
                    let failed = unclean == Unclean::Unscanned;
                    incoming.end(if failed { Outcome::Failed } else { Outcome::Refused }, reason);
                    Err(Error::Unclean(unclean))
                }
            }
        })
        .await
    }
}
