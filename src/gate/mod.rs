//! The gate.
mod login;
mod session;
pub use login::LoginError;
pub use session::Session;

pub struct Gate {}
