//! The protocol of ClamAV's daemon (clamd(8)): one command in a connection, between `z` and a NUL; the answer ends with a NUL.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::config::ClamdAddress;

/// The bytes of a piece of an upload.
const PIECE: usize = 256 * 1024;
/// Answers are a line.
const MAX_ANSWER: usize = 4096;
/// What of an answer goes to the record and the log.
const MAX_TOLD: usize = 200;

/// What clamd says of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Clean,
    /// The signature's name.
    Found(String),
    /// Longer than its `StreamMaxLength`.
    TooLong,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    #[error("broke the connection off: {0}")]
    Broken(io::Error),
    #[error("does not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("cannot scan: {0}")]
    Refused(String),
}

/// Why a scan came to no end.
#[derive(Debug)]
pub(super) enum Failed<E> {
    /// The content cannot be read.
    Content(E),
    Clamd(Error),
}

impl<E> From<Error> for Failed<E> {
    fn from(error: Error) -> Self {
        Self::Clamd(error)
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One command.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// For each step.
    patience: Duration,
}

impl Connection {
    pub(super) async fn open(at: &ClamdAddress, patience: Duration) -> Result<Self, Error> {
        let stream: io::Result<Box<dyn Stream>> = within(patience, async {
            Ok(match at {
                ClamdAddress::Socket(path) => {
                    UnixStream::connect(path).await.map(|stream| Box::new(stream) as Box<dyn Stream>)
                }
                ClamdAddress::Loopback(address) => {
                    TcpStream::connect(address).await.map(|stream| Box::new(stream) as Box<dyn Stream>)
                }
            })
        })
        .await?;
        Ok(Self { stream: stream.map_err(Error::Unreachable)?, patience })
    }

    /// Which engine it is, with which signatures.
    pub(super) async fn version(mut self) -> Result<String, Error> {
        self.write(b"zVERSION\0").await?;
        let answer = self.answer().await?;
        if answer.ends_with("ERROR") { Err(Error::Refused(told(&answer))) } else { Ok(told(&answer)) }
    }

    /// Has it scan what `read` gives of an offset until that is nothing. Reading blocks.
    pub(super) async fn scan<E>(
        mut self,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<Answer, Failed<E>> {
        match self.send(&mut read).await {
            Ok(()) => Ok(verdict(&self.answer().await?)?),
            // What it says before it hangs up is the reason.
            Err(Failed::Clamd(Error::Broken(why))) => match self.answer().await {
                Ok(answer) => Ok(verdict(&answer)?),
                Err(_) => Err(Error::Broken(why).into()),
            },
            Err(why) => Err(why),
        }
    }

    async fn send<E>(&mut self, read: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>) -> Result<(), Failed<E>> {
        self.write(b"zINSTREAM\0").await?;
        let (mut offset, mut piece) = (0, vec![0; 4 + PIECE]);
        loop {
            let length = read(offset, &mut piece[4..]).map_err(Failed::Content)?.min(PIECE);
            // A piece of no length is the end.
            let head = u32::try_from(length).unwrap_or_default().to_be_bytes();
            piece[..4].copy_from_slice(&head);
            self.write(&piece[..4 + length]).await?;
            if length == 0 {
                return Ok(());
            }
            offset += length as u64;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        within(self.patience, async { Ok(self.stream.write_all(bytes).await) }).await?.map_err(Error::Broken)
    }

    async fn answer(&mut self) -> Result<String, Error> {
        let mut answer = Vec::new();
        let stream = &mut self.stream;
        let read = async {
            let mut byte = [0];
            while answer.len() < MAX_ANSWER && stream.read(&mut byte).await? > 0 && byte[0] != 0 {
                answer.push(byte[0]);
            }
            io::Result::Ok(())
        };
        within(self.patience, async { Ok(read.await) }).await?.map_err(Error::Broken)?;
        if answer.is_empty() {
            return Err(Error::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}

async fn within<T>(patience: Duration, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(patience, step).await.unwrap_or(Err(Error::Silent(patience)))
}

fn verdict(answer: &str) -> Result<Answer, Error> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Ok(Answer::Clean);
    }
    if let Some(name) = said.strip_suffix(" FOUND") {
        return Ok(Answer::Found(told(name)));
    }
    if said.starts_with("INSTREAM size limit exceeded") {
        return Ok(Answer::TooLong);
    }
    Err(Error::Refused(told(said)))
}

/// As it may stand in a record.
fn told(text: &str) -> String {
    text.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).take(MAX_TOLD).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::net::UnixListener;

    use super::*;

    #[test]
    fn an_answer_is_clean_only_if_it_says_so() {
        let said = |answer: &str| verdict(answer).map_err(|why| why.to_string());
        assert_eq!(said("stream: OK"), Ok(Answer::Clean));
        assert_eq!(said("stream: Eicar-Test FOUND"), Ok(Answer::Found("Eicar-Test".to_owned())));
        assert_eq!(said("stream: a\u{1b}[2J\u{e9}b FOUND"), Ok(Answer::Found("a[2Jb".to_owned())));
        assert_eq!(said("INSTREAM size limit exceeded. ERROR"), Ok(Answer::TooLong));
        for odd in ["", "stream: ", "OK?", "stream: Can't allocate memory ERROR", "UNKNOWN COMMAND", "stream: OK ERROR"]
        {
            assert!(said(odd).is_err_and(|why| why.starts_with("cannot scan")), "{odd}");
        }
        assert_eq!(told(&"x".repeat(1000)).len(), MAX_TOLD);
    }

    /// A clamd that reads so many bytes and then says this.
    async fn against(reads: usize, says: &'static [u8], content: &[u8]) -> Result<Answer, String> {
        let home = tempfile::tempdir().expect("a directory");
        let at = ClamdAddress::Socket(home.path().join("clamd.ctl"));
        let listener = UnixListener::bind(home.path().join("clamd.ctl")).expect("bound");
        let clamd = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut got = vec![0; reads];
            stream.read_exact(&mut got).await.expect("read");
            stream.write_all(says).await.expect("said");
            got
        });
        let connection = Connection::open(&at, Duration::from_secs(1)).await.expect("connected");
        let read = |offset: u64, buffer: &mut [u8]| -> Result<usize, Infallible> {
            let rest = &content[usize::try_from(offset).expect("short")..];
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        };
        let answer = connection.scan(read).await;
        let got = clamd.await.expect("ended");
        assert!(got.starts_with(b"zINSTREAM\0"));
        answer.map_err(|why| match why {
            Failed::Clamd(why) => why.to_string(),
            Failed::Content(never) => match never {},
        })
    }

    #[tokio::test]
    async fn content_goes_in_pieces_and_what_is_said_before_the_end_counts() {
        let long = vec![7; PIECE + 5];
        let all = 10 + 4 + PIECE + 4 + 5 + 4;
        assert_eq!(against(all, b"stream: OK\0", &long).await, Ok(Answer::Clean));
        assert_eq!(against(all, b"stream: OK", &long).await, Ok(Answer::Clean), "or up to the end");
        assert_eq!(against(100, b"INSTREAM size limit exceeded. ERROR\0", &long).await, Ok(Answer::TooLong));
        for (reads, says) in [(all, &b""[..]), (all, &b"\0"[..]), (12, &b""[..])] {
            let why = against(reads, says, &long).await.expect_err("no answer");
            assert!(why.starts_with("broke the connection off"), "{why}");
        }
    }
}
