//! The weekly warning to administrators, by mail, while the listener for old scanners is on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Core;
use crate::names::{Role, Timestamp};
use crate::outbox::Letter;

/// How often it is looked whether a week is over.
const EVERY: Duration = Duration::from_secs(600);

/// Looks at the start and from then on until the stop.
pub(super) async fn warn_weekly(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        look(&core).await;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopped.changed() => return,
        }
    }
}

async fn look(core: &Core) {
    let (settings, now) = (core.settings(), Timestamp::now());
    let Some(scanners) = settings.scanners.as_ref().filter(|_| settings.mail.is_some()) else { return };
    let until = scanners.until;
    if until.is_some_and(|until| until <= now) {
        return;
    }
    let accounts = core.practice().firm().accounts().into_iter();
    let administrators = accounts.filter(|account| account.enabled && account.role == Role::Admin);
    let letters: Vec<_> = administrators
        .filter(|account| account.login.contains('@'))
        .map(|account| Letter::OldScanners { account: account.id, address: account.login.clone(), until })
        .collect();
    let mails = core.mails().clone();
    match tokio::task::spawn_blocking(move || mails.warn(letters, now)).await {
        Ok(Ok(true)) => tracing::info!("administrators are warned by mail that the listener for old scanners is on"),
        Ok(Ok(false)) => {}
        Ok(Err(why)) => tracing::warn!(%why, "administrators could not be warned of the listener for old scanners"),
        Err(why) => tracing::error!(%why, "the warning of the listener for old scanners ended early"),
    }
}
