//! The fuzz target of a channel's state machine: a door without sockets, and a small firm behind it.

use std::sync::{Arc, OnceLock};

use crate::cli::{Problem, SmallFirm, open_small_firm};
use crate::front::Bounds;
use crate::front::sftp::fuzz_channel;
use crate::names::DocPath;
use crate::vfs::{self, View};

/// The folder of the firm's one matter.
const MATTER: &[u8] = b"/1 m";

/// A client's byte stream, of a member of staff to whom everything is as in a new firm with the folder `/1 m/Documents/f`.
/// Gives how many handles it had.
pub fn fuzz_sftp_channel(input: &[u8]) -> usize {
    static OFFICE: OnceLock<Result<(SmallFirm, Arc<Bounds>), Problem>> = OnceLock::new();
    let open = || {
        let firm = open_small_firm()?;
        let bounds = Bounds::new(firm.limits);
        Ok((firm, bounds))
    };
    let (firm, bounds) = match OFFICE.get_or_init(open) {
        Ok(office) => office,
        Err(problem) => panic!("no firm to try it in: {problem}"),
    };
    let view = firm.core.vfs().view(&firm.session);
    firm.runtime.block_on(async {
        let had = fuzz_channel(view.clone(), bounds, input).await;
        let cleared = clear(&view).await;
        assert!(cleared.is_ok(), "{cleared:?}");
        had
    })
}

/// Takes away what an input has left, so that each finds the same.
async fn clear(view: &View) -> Result<(), vfs::Error> {
    let matter = DocPath::parse(MATTER).map_err(|_| vfs::Error::NotFound)?;
    let (mut folders, mut at) = (vec![(matter, true)], 0);
    while let Some((folder, _)) = folders.get(at).cloned() {
        for entry in view.list(&folder).await?.entries {
            let Some(path) = entry.name.clone().and_then(|name| folder.clone().join(name).ok()) else { continue };
            if entry.is_folder() {
                folders.push((path, entry.structure));
            } else {
                // What cannot be removed, as a message, stays.
                let _ = view.remove_document(&path).await;
            }
        }
        at += 1;
    }
    for (folder, _) in folders.iter().rev().filter(|(_, structure)| !structure) {
        let _ = view.remove_folder(folder).await;
    }
    Ok(())
}
