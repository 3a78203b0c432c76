//! The server that takes the mail, spoken to over SMTP (RFC 5321).

use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::config::{self, RelayTls};

/// From the connection to where mail can be sent.
const OPEN_TIME: Duration = Duration::from_secs(60);
/// For one mail. RFC 5321 section 4.5.3.2 would have the answer to the data waited for up to ten minutes.
const SEND_TIME: Duration = Duration::from_secs(300);
/// How much of what a server says is kept, in characters.
const MAX_REASON: usize = 300;

/// How to reach it.
pub(super) struct Relay {
    host: String,
    port: u16,
    /// Nothing for a relay on this machine that is spoken to in clear.
    tls: Option<TlsParameters>,
    start_tls: bool,
    login: Option<Credentials>,
    hello: ClientId,
}

/// What became of one mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The server has it.
    Taken,
    /// It will never take it.
    Refused(String),
    /// It would not take it now, or what it said was lost.
    Later(String),
}

impl Relay {
    /// A relay as configured, with what the files hold. `hello` is what the daemon calls itself.
    ///
    /// # Errors
    /// What is wrong with the authorities.
    pub(super) fn new(
        relay: &config::Relay,
        authorities: &[u8],
        password: Option<Zeroizing<String>>,
        hello: &str,
    ) -> Result<Self, String> {
        let tls = match relay.tls {
            RelayTls::None => None,
            RelayTls::StartTls | RelayTls::Implicit => Some(parameters(&relay.host, authorities)?),
        };
        let login = relay.login.as_ref().zip(password);
        Ok(Self {
            host: relay.host.clone(),
            port: relay.port,
            tls,
            start_tls: relay.tls == RelayTls::StartTls,
            login: login.map(|((user, _), password)| Credentials::new(user.clone(), password.to_string())),
            hello: ClientId::Domain(hello.to_owned()),
        })
    }

    /// Connects, makes the connection secret, logs in. What goes wrong here says nothing about any mail.
    ///
    /// # Errors
    /// Why the server cannot be used.
    pub(super) async fn open(&self) -> Result<Line, String> {
        let opened = timeout(OPEN_TIME, self.connect()).await;
        let connection = opened.map_err(|_| "it does not answer".to_owned()).and_then(|done| done.map_err(reason));
        connection.map(Line).map_err(|why| format!("{}:{}: {why}", self.host, self.port))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let implicit = self.tls.clone().filter(|_| !self.start_tls);
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(OPEN_TIME), &self.hello, implicit, None).await?;
        if let Some(tls) = self.tls.clone().filter(|_| self.start_tls) {
            // An error where the server offers none: mail is not sent in clear because somebody cut the offer out.
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], login).await?;
        }
        Ok(connection)
    }
}

fn parameters(host: &str, authorities: &[u8]) -> Result<TlsParameters, String> {
    let said = |why: Error| format!("mail.ca: {}", reason(why));
    let certificate = Certificate::from_pem(authorities).map_err(said)?;
    TlsParameters::builder(host.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(certificate)
        .build_rustls()
        .map_err(said)
}

/// An open connection.
pub(super) struct Line(AsyncSmtpConnection);

impl Line {
    /// Hands one mail over.
    pub(super) async fn send(&mut self, message: &Message) -> Answer {
        let sent = timeout(SEND_TIME, self.0.send(message.envelope(), &message.formatted())).await;
        match sent {
            Ok(Ok(_)) => Answer::Taken,
            // What the client itself finds wrong stays wrong.
            Ok(Err(why)) if why.is_permanent() || why.is_client() => Answer::Refused(reason(why)),
            Ok(Err(why)) => Answer::Later(reason(why)),
            Err(_) => Answer::Later("the server did not answer".to_owned()),
        }
    }

    /// False once the connection is no good any more; every error of a mail ends it.
    pub(super) fn is_open(&self) -> bool {
        !self.0.has_broken()
    }

    /// Takes leave.
    pub(super) async fn close(mut self) {
        // Whatever it says, this is the end.
        let _ = timeout(Duration::from_secs(5), self.0.quit()).await;
    }
}

/// What was said, on one line.
fn reason(why: Error) -> String {
    why.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}
