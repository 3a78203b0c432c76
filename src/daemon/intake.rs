//! What came into drop boxes, looked after while the daemon serves. What is to be done stands in the catalog, so a start goes on
//! where the last run ended, however that was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Core;
use crate::names::NodeId;
use crate::vault::{Held, Vault};
use crate::vfs::{HeldCounts, Tended};

/// How often it is looked, if nothing comes.
const EVERY: Duration = Duration::from_secs(5);
/// The least time between two looks, so that a flood does not make one for each document.
const PAUSE: Duration = Duration::from_millis(100);
/// How long what failed is let alone: the double each time, and no longer than this.
const LONGEST: Duration = Duration::from_secs(600);
/// How often it is forgotten what came too long ago to come once more.
const FORGET: Duration = Duration::from_secs(3600);

/// What went wrong with one document, or is in its way.
struct Failure {
    times: u32,
    /// Until then it is let alone.
    until: Instant,
    /// It was the virus scan.
    of_scan: bool,
}

type Failed = HashMap<NodeId, Failure>;

/// Looks until the stop, one document after the other.
pub(super) async fn watch(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    let (mut failed, mut forget) = (Failed::new(), Instant::now());
    loop {
        let look = async {
            if forget <= Instant::now() {
                on_vault(&core, Vault::forget_same).await;
                forget = Instant::now() + FORGET;
            }
            let next = look(&core, &mut failed).await;
            if let Err(why) = core.vfs().hand_out_receipts().await {
                tracing::warn!(%why, "receipts for what came into drop boxes could not be written; they are tried again");
            }
            tokio::time::sleep(PAUSE).await;
            tokio::select! {
                () = core.vault().arrival() => {}
                () = tokio::time::sleep(next) => {}
            }
        };
        tokio::select! {
            () = look => {}
            _ = stopped.changed() => return,
        }
    }
}

/// Looks at everything once; gives how soon to look again.
async fn look(core: &Core, failed: &mut Failed) -> Duration {
    let Some(held) = on_vault(core, Vault::held).await else { return EVERY };
    let (quarantined, waiting): (Vec<Held>, Vec<Held>) = held.into_iter().partition(|held| held.waits.is_some());
    let there: HashSet<NodeId> = waiting.iter().map(|held| held.node).collect();
    failed.retain(|node, _| there.contains(node));
    let mut counts = HeldCounts { quarantined: quarantined.len(), ..HeldCounts::default() };
    let mut next = EVERY;
    for Held { node, .. } in waiting {
        counts.waiting += 1;
        if let Some(failure) = failed.get(&node).filter(|failure| failure.until > Instant::now()) {
            counts.unscanned += usize::from(failure.of_scan);
            continue;
        }
        match core.vfs().tend(node).await {
            Ok(Tended::Done) => counts.waiting -= 1,
            Ok(Tended::After(wait)) => next = next.min(wait),
            Ok(Tended::InTheWay) => note(failed, node, false),
            Ok(Tended::Unscanned) => counts.unscanned += 1,
            Ok(Tended::ScanFailed) => {
                counts.unscanned += 1;
                note(failed, node, true);
            }
            Err(why) => {
                note(failed, node, false);
                tracing::warn!(%why, "a document in a drop box could not be dealt with; it is tried again");
            }
        }
    }
    core.vfs().note_held(counts);
    next
}

fn note(failed: &mut Failed, node: NodeId, of_scan: bool) {
    let times = failed.get(&node).map_or(0, |failure| failure.times);
    let until = Instant::now() + EVERY.saturating_mul(1 << times.min(7)).min(LONGEST);
    failed.insert(node, Failure { times: times + 1, until, of_scan });
}

async fn on_vault<T: Send + 'static>(
    core: &Core,
    work: impl FnOnce(&Vault) -> Result<T, crate::vault::Error> + Send + 'static,
) -> Option<T> {
    let vault = core.vault().clone();
    match tokio::task::spawn_blocking(move || work(&vault)).await {
        Ok(done) => done.inspect_err(|why| tracing::warn!(%why, "the drop boxes could not be looked at")).ok(),
        Err(why) => {
            tracing::error!(%why, "looking at the drop boxes ended early");
            None
        }
    }
}
