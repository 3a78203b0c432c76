//! What the gateway can do, tried through the front door: the real daemon on free ports, and the clients that people use.

mod demo;
mod demo_contract;
mod drain;
mod encryption;
mod hidden;
mod large;
mod logins;
mod mounts;
mod names;
mod record;
mod recovery;
mod reload;
mod rights_columns;
mod rights_matrix;
mod sandbox;
mod service;
mod sftp;
mod sftp_channel;
mod sftp_wire;
mod transfer;
mod webdav_clients;
mod webdav_drive;
mod webdav_wire;
