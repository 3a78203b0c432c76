//! Whether uploads can be scanned: asked time and again, so that an operator hears of it before somebody uploads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Core;

/// How often clamd is asked.
const EVERY: Duration = Duration::from_secs(5);

/// Asks until the stop.
pub(super) async fn watch(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        let ask = async {
            if let Some(scanner) = core.vfs().scanner() {
                scanner.probe().await;
            }
            tokio::time::sleep(EVERY).await;
        };
        tokio::select! {
            () = ask => {}
            _ = stopped.changed() => return,
        }
    }
}
