//! The pages: the portal in a browser. Rendered here, usable without JavaScript, and with no request to anybody else.
//!
//! A request passes, in this order:
//!
//! 1. the listener's connection caps and times, which are those of the drive;
//! 2. [`site`]: a form that another site has sent is refused; whatever comes of the rest becomes an answer with its headers;
//! 3. [`person`]: the cookie leads to a session of the gate, or to the page for signing in; a form shows the session's token;
//! 4. the page's own file, which calls the tree or changes the own account through the gate, and nothing else; those of
//!    [`staff`] look at the firm's records and change them, by the gate's permit, and are not there for anybody else;
//! 5. [`status`]: the one place where an error becomes an HTTP status and the sentence that a person reads.
//!
//! Templates lie in `templates/`, are checked when this is compiled, and escape what they are given.

mod account;
mod archive;
mod assets;
mod changes;
mod connect;
mod cookies;
mod device;
mod download;
mod folder;
mod form;
mod frame;
mod link;
mod matters;
mod messages;
mod origin;
mod own;
mod own_activity;
mod own_sessions;
mod person;
mod second_factor;
mod sessions;
mod settings;
mod sign_in;
mod site;
mod staff;
mod status;
mod upload;
mod urls;
mod words;

pub use settings::{Logo, Settings};
pub use site::Pages;
