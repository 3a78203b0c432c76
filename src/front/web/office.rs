//! What the administrator's pages look after beside the firm's records: the mails that wait, and the daemon itself.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::notify::Postroom;
use crate::observe::Health;

/// The same as the command line sees.
pub struct Office {
    /// Mails that wait.
    pub post: Arc<Postroom>,
    /// Finds out how the daemon is; nothing if that cannot be found out.
    pub health: Box<dyn Fn() -> BoxFuture<'static, Option<Health>> + Send + Sync>,
}
