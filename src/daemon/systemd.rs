//! What a service manager is told (sd_notify(3)): ready, reloading, stopping, how it goes, and that the daemon lives.
//!
//! Nothing is said unless NOTIFY_SOCKET is set.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;

use super::Core;
use crate::front::Beat;

/// An accept loop that has not turned for so long hangs; it turns every few seconds.
const HUNG: Duration = Duration::from_secs(10);

/// Documents can be served, now or again.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun; [`ready`] ends it. The time tells the manager that this answers its own request
/// (`Type=notify-reload`).
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(cause) => tracing::warn!(%cause, "the clock cannot be read"),
    }
}

/// The daemon ends, within this time.
pub(super) fn stopping(within: Duration) {
    let micros = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
    let status = NotifyState::Status("finishing what is under way");
    tell(&[NotifyState::Stopping, status, NotifyState::ExtendTimeoutUsec(micros)]);
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(what) {
        tracing::warn!(%cause, "the service manager cannot be told anything");
    }
}

/// The watchdog that the manager asked for, if it did.
pub(super) fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Tells the manager that the daemon lives, for as long as it does: the record can be written or will be again without a
/// restart, the checkpoint comes back from the disk, the catalog answers, the accept loops turn. Silence has the manager
/// kill and restart the daemon. A full disk is no reason for that: a restart could not even be recorded.
pub(super) async fn watchdog(
    core: Arc<Core>,
    beats: Vec<(&'static str, Beat)>,
    period: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut told = None;
    let mut turn = tokio::time::interval(period / 3);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let hung = beats.iter().find(|(_, beat)| beat.age() > HUNG).map(|(door, _)| format!("{door} hangs"));
        let fatal = match hung {
            Some(hung) => Some(hung),
            None => fatal(&core, period / 2).await,
        };
        if let Some(why) = &fatal {
            tracing::error!(%why, "the watchdog is not fed");
        } else {
            tell(&[NotifyState::Watchdog]);
        }
        let status = fatal.or_else(|| crate::observe::Subject::problem(&*core)).unwrap_or_else(|| core.at());
        if told.as_ref() != Some(&status) {
            tell(&[NotifyState::Status(&status)]);
            told = Some(status);
        }
    }
}

/// What only a restart can mend.
async fn fatal(core: &Arc<Core>, patience: Duration) -> Option<String> {
    let asked = core.clone();
    let answer = tokio::task::spawn_blocking(move || asked.needs_restart());
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(found)) => found,
        Ok(Err(cause)) => Some(cause.to_string()),
        Err(_) => Some(format!("the disk has not answered for {} s", patience.as_secs())),
    }
}
