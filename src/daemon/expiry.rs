//! What ends by time while the daemon serves: saves whose replacement never came, temporary files that nobody wants any
//! more, locks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Core;
use crate::gate::{EndSave, Expire};
use crate::names::ExpiredTarget;
use crate::vault::{self, Vault};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);

/// Looks until the stop.
pub(super) async fn watch(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopped.changed() => return,
        }
        look(&core).await;
    }
}

/// Each thing is permitted and recorded by itself. What fails is tried again at the next look.
async fn look(core: &Core) {
    let keep = core.settings().temporary_files.keep;
    let found = on_vault(core, move |vault| {
        vault.end_locks()?;
        Ok((vault.overdue_saves(), vault.overdue_transients(keep)?))
    });
    let Some((saves, transients)) = found.await else { return };
    for target in saves {
        end_save(core, target).await;
    }
    for target in transients {
        expire(core, target).await;
    }
}

async fn end_save(core: &Core, target: ExpiredTarget) {
    match core.gate().permit_service::<EndSave>(target).await {
        Ok(permit) => drop(on_vault(core, move |vault| vault.end_save(permit)).await),
        Err(why) => tracing::warn!(?why, "a save whose time is over could not be ended"),
    }
}

async fn expire(core: &Core, target: ExpiredTarget) {
    match core.gate().permit_service::<Expire>(target).await {
        Ok(permit) => drop(on_vault(core, move |vault| vault.expire(permit)).await),
        Err(why) => tracing::warn!(?why, "a temporary file whose time is over could not be removed"),
    }
}

async fn on_vault<T: Send + 'static>(
    core: &Core,
    work: impl FnOnce(&Vault) -> Result<T, vault::Error> + Send + 'static,
) -> Option<T> {
    let vault = core.vault().clone();
    match tokio::task::spawn_blocking(move || work(&vault)).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(why)) => {
            tracing::warn!(%why, "what is over could not be put away");
            None
        }
        Err(why) => {
            tracing::error!(%why, "putting away what is over ended early");
            None
        }
    }
}
