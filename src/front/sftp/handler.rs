//! What russh asks about a connection: who may log in, and which channels may be had. Everything but the `sftp`
//! subsystem is refused: shell, commands, terminals, environment, agents, X11 and forwarding in either direction.

use std::collections::HashMap;
use std::sync::Arc;

use russh::keys::ssh_key::Signature;
use russh::keys::{Certificate, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session as Ssh, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::connection::Link;
use super::host_keys::HostKeys;
use super::{algorithms, certificate, host_keys, security_key};
use crate::front::limits::Limit;
use crate::gate::{FirstFactor, Login, LoginError, Session, ShownKey, SshKey};
use crate::names::Front;

/// A login is an address or a short name; longer ones are not looked up.
const MAX_LOGIN_BYTES: usize = 320;
/// Channels over a connection's lifetime: russh keeps a little of each until the connection ends.
const MAX_CHANNELS_EVER: usize = 4096;
/// Keys that a client may ask about without proving that it has them; russh counts only proofs and passwords. An agent
/// can hold many, and OpenSSH itself stops at six.
const MAX_KEY_OFFERS: usize = 64;
/// Requests to prove host keys, each of which takes a signature of each: OpenSSH makes one.
const MAX_PROOFS: usize = 8;

/// One connection's side of the SSH protocol.
pub(super) struct Doorkeeper {
    link: Arc<Link>,
    /// Where the connection waits for the login.
    arrived: Option<oneshot::Sender<Arc<Session>>>,
    session: Option<Arc<Session>>,
    /// A password or key was right, and the account has a second factor.
    half: Option<FirstFactor>,
    /// Channels that are open and not yet an SFTP session.
    idle: HashMap<ChannelId, Channel<Msg>>,
    opened: usize,
    offers: usize,
    proofs: usize,
}

impl Doorkeeper {
    pub(super) fn new(link: Arc<Link>, arrived: oneshot::Sender<Arc<Session>>) -> Self {
        Self {
            link,
            arrived: Some(arrived),
            session: None,
            half: None,
            idle: HashMap::new(),
            opened: 0,
            offers: 0,
            proofs: 0,
        }
    }

    fn first(&mut self, login: Result<Login, LoginError>) -> Auth {
        match login {
            Ok(Login::Done(session)) => self.settle(Ok(session)),
            Ok(Login::NeedsCode(half)) => {
                self.half = Some(half);
                Auth::Reject { proceed_with_methods: Some(algorithms::second_methods()), partial_success: true }
            }
            Err(error) => self.settle(Err(error)),
        }
    }

    /// Whether the login has this key for its own.
    fn is_own(&self, user: &str, key: &PublicKey) -> bool {
        wire(key).is_some_and(|key| self.link.gate.accepts_key(self.link.entrance, user, &key))
    }

    /// What was proven is put to the gate.
    async fn prove(&mut self, user: &str, shown: ShownKey, signature: &Signature) -> Auth {
        self.half = None;
        let key = SshKey { shown, said: security_key::said(signature) };
        let login = self.link.gate.login_key(self.link.entrance, self.link.peer, user, key).await;
        self.first(login)
    }

    fn settle(&mut self, login: Result<Arc<Session>, LoginError>) -> Auth {
        match (login, self.arrived.take()) {
            (Ok(session), Some(arrived)) => {
                if let Err(session) = arrived.send(session.clone()) {
                    // The deadline passed meanwhile: the connection is being closed, nobody else would record the end.
                    self.link.gate.logout(&session);
                    return reject();
                }
                self.session = Some(session);
                Auth::Accept
            }
            (Ok(session), None) => {
                self.link.gate.logout(&session);
                reject()
            }
            (Err(error), arrived) => {
                tracing::debug!(%error, "login refused");
                self.arrived = arrived;
                reject()
            }
        }
    }
}

/// Refused, with the same methods still open: russh would otherwise strike the method off.
fn reject() -> Auth {
    Auth::Reject { proceed_with_methods: Some(algorithms::methods()), partial_success: false }
}

/// The key as SSH carries it.
fn wire(key: &PublicKey) -> Option<Vec<u8>> {
    key.to_bytes().ok()
}

impl Handler for Doorkeeper {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.link.banner.clone())
    }

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(reject())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        if user.len() > MAX_LOGIN_BYTES {
            return Ok(reject());
        }
        self.half = None;
        let login = self.link.gate.login_password(self.link.entrance, self.link.peer, user, password).await;
        Ok(self.first(login))
    }

    /// Asks for the code of the second factor (RFC 4256), once a password or key was right.
    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        // What was proven, was proven for one login (RFC 4252 section 5: another name starts anew).
        let Some(half) = self.half.take().filter(|half| half.is_of(user)) else { return Ok(reject()) };
        let Some(mut response) = response else {
            self.half = Some(half);
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Code of your authenticator, or a recovery code: ".into(), true)].into(),
            });
        };
        let code = response.next().map(|code| Zeroizing::new(String::from_utf8_lossy(&code).into_owned()));
        let login = self.link.gate.login_code(&half, code.as_ref().map_or("", |code| code.as_str())).await;
        if login.is_err() {
            self.half = Some(half);
            return Ok(Auth::Reject {
                proceed_with_methods: Some(algorithms::second_methods()),
                partial_success: false,
            });
        }
        Ok(self.settle(login))
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        self.offers += 1;
        if self.offers > MAX_KEY_OFFERS {
            return Err(russh::Error::NotAuthenticated);
        }
        // It may be the key of a certificate: russh does not say so before it is proven.
        let certified = || !self.link.gate.ssh_trust().authorities.is_empty();
        let accepted = user.len() <= MAX_LOGIN_BYTES
            && self.link.suite.accepts(offer.public_key, offer.algorithm)
            && (certified() || self.is_own(user, offer.public_key));
        Ok(if accepted { Auth::Accept } else { reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        // Asked again: the offer may have named another algorithm, and russh keeps no state of ours.
        if user.len() > MAX_LOGIN_BYTES || !self.link.suite.accepts(key.public_key, key.algorithm) {
            return Ok(reject());
        }
        // Nor is it an attempt to be counted if a client tries each of its keys because all were taken when they were offered.
        let Some(bytes) = wire(key.public_key).filter(|_| self.is_own(user, key.public_key)) else {
            return Ok(reject());
        };
        Ok(self.prove(user, ShownKey::Own(bytes.into()), key.signature).await)
    }

    /// russh has verified both signatures; by which algorithm the holder's is was looked at when the key was offered.
    async fn auth_signed_openssh_certificate(
        &mut self,
        user: &str,
        shown: &Certificate,
        signature: &Signature,
    ) -> Result<Auth, Self::Error> {
        if user.len() > MAX_LOGIN_BYTES || self.link.gate.ssh_trust().authorities.is_empty() {
            return Ok(reject());
        }
        Ok(self.prove(user, ShownKey::Certified(certificate::read(shown).into()), signature).await)
    }

    /// Once in a connection: OpenSSH's client takes a second announcement for an attack.
    async fn auth_succeeded(&mut self, ssh: &mut Ssh) -> Result<(), Self::Error> {
        match self.link.host_keys.as_deref().map(HostKeys::announcement) {
            Some(keys) if !keys.is_empty() => ssh.send_global_request(host_keys::ANNOUNCE, keys),
            _ => Ok(()),
        }
    }

    async fn global_request(&mut self, name: &str, data: &[u8], ssh: &mut Ssh) -> Result<Option<Vec<u8>>, Self::Error> {
        let (Some(keys), host_keys::PROVE) = (&self.link.host_keys, name) else { return Ok(None) };
        self.proofs += 1;
        if self.proofs > MAX_PROOFS {
            return Ok(None);
        }
        Ok(ssh.session_id().and_then(|session| keys.prove(data, session, ssh.host_key_algorithm())))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _ssh: &mut Ssh,
    ) -> Result<(), Self::Error> {
        let live = self.idle.len() + self.link.running();
        if self.session.is_none() {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        } else if live >= self.link.limits.channels || self.opened >= MAX_CHANNELS_EVER {
            Limit::Channels.hit(Front::Sftp);
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        } else {
            self.opened += 1;
            self.idle.insert(channel.id(), channel);
            reply.accept().await;
        }
        Ok(())
    }

    async fn data(&mut self, _: ChannelId, data: &[u8], _ssh: &mut Ssh) -> Result<(), Self::Error> {
        self.link.pulse.carried_in(data.len());
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _ssh: &mut Ssh) -> Result<(), Self::Error> {
        self.idle.remove(&id);
        Ok(())
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, ssh: &mut Ssh) -> Result<(), Self::Error> {
        match (&self.session, name) {
            (Some(session), "sftp") => match self.idle.remove(&id) {
                Some(channel) => {
                    ssh.channel_success(id)?;
                    self.link.spawn(channel, session);
                    Ok(())
                }
                None => ssh.channel_failure(id),
            },
            _ => ssh.channel_failure(id),
        }
    }

    async fn shell_request(&mut self, id: ChannelId, ssh: &mut Ssh) -> Result<(), Self::Error> {
        ssh.channel_failure(id)
    }

    async fn exec_request(&mut self, id: ChannelId, _command: &[u8], ssh: &mut Ssh) -> Result<(), Self::Error> {
        ssh.channel_failure(id)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        ssh: &mut Ssh,
    ) -> Result<(), Self::Error> {
        ssh.channel_failure(id)
    }

    async fn env_request(&mut self, id: ChannelId, _: &str, _: &str, ssh: &mut Ssh) -> Result<(), Self::Error> {
        ssh.channel_failure(id)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        ssh: &mut Ssh,
    ) -> Result<(), Self::Error> {
        ssh.channel_failure(id)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        ssh: &mut Ssh,
    ) -> Result<(), Self::Error> {
        ssh.channel_failure(id)
    }

    // Agent forwarding, forwarded and direct TCP and Unix sockets, and X11 channels: russh's defaults refuse them all.
}
