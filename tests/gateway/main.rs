//! What the gateway can do, tried through the front door: the real daemon on free ports, and the clients that people use.

mod deep_check;
mod demo;
mod demo_contract;
mod encryption;
mod hidden;
mod large;
mod logins;
mod mounts;
mod names;
mod record;
mod recovery;
mod rights_columns;
mod rights_matrix;
mod sftp;
mod sftp_wire;
mod webdav_clients;
mod webdav_drive;
mod webdav_wire;
