//! What an operator sees from outside: log lines, metrics, health.
//!
//! The listener answers without a login, so it is bound to loopback alone, takes GET and nothing else, and tells numbers,
//! never names.

mod health;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing_subscriber::EnvFilter;

pub(crate) use health::{
    Addresses, AuditHealth, CatalogHealth, CertificateHealth, Disk, DropBoxesHealth, Health, LimitReached, MailHealth,
    Recovery, Sandbox, ScanHealth, ScannersHealth,
};

use crate::config::LogFormat;

/// Scrapers and probes at a time; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 16;
/// A whole exchange with a scraper.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
/// How often histograms are folded; unbounded memory otherwise, should nobody scrape.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why the process cannot be observed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The filter's text is wrong.
    #[error("the log filter is wrong: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Logging or metrics were set up already in this process.
    #[error("logging and metrics are set up once per process: {0}")]
    Twice(String),
}

/// Puts a filter in the place of the one that logging was started with.
type Refilter = Box<dyn Fn(EnvFilter) + Send + Sync>;

static REFILTER: OnceLock<Refilter> = OnceLock::new();

/// Sends log lines to standard error.
pub(crate) fn start_logging(format: LogFormat, filter: &str) -> Result<(), Error> {
    let LogFilter(filter) = log_filter(filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_filter_reloading();
            let handle = lines.reload_handle();
            lines.try_init().map(|()| refilter(move |filter| drop(handle.reload(filter))))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            lines.try_init().map(|()| refilter(move |filter| drop(handle.reload(filter))))
        }
    };
    done.map_err(|cause| Error::Twice(cause.to_string()))
}

fn refilter(refilter: impl Fn(EnvFilter) + Send + Sync + 'static) {
    // Set once: logging is started once.
    let _ = REFILTER.set(Box::new(refilter));
}

/// What is logged, parsed.
pub(crate) struct LogFilter(EnvFilter);

/// Parses levels such as `info,deedbox::front=debug`.
pub(crate) fn log_filter(text: &str) -> Result<LogFilter, Error> {
    Ok(LogFilter(EnvFilter::builder().parse(text)?))
}

impl LogFilter {
    /// Logs by this filter from now on.
    pub(crate) fn apply(self) {
        if let Some(refilter) = REFILTER.get() {
            refilter(self.0);
        }
    }
}

/// What was counted.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// What ended at a limit since the start.
    pub(crate) fn limits_reached(&self) -> Vec<LimitReached> {
        let counted = self.0.render();
        counted.lines().filter_map(limit_reached).filter(|reached| reached.count > 0).collect()
    }
}

/// A line of the metrics' text that counts what ended at a limit.
fn limit_reached(line: &str) -> Option<LimitReached> {
    let (labels, count) = line.strip_prefix("deedbox_limit_hits_total{")?.split_once("} ")?;
    let label = |name: &str| {
        let label = labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\""));
        label.and_then(|label| label.strip_suffix('"')).map(str::to_owned)
    };
    Some(LimitReached { limit: label("limit")?, front: label("front")?, count: count.parse().ok()? })
}

/// Starts counting. Call it before anything counts.
pub(crate) fn start_metrics() -> Result<Metrics, Error> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|cause| Error::Twice(cause.to_string()))?;
    Ok(Metrics(handle))
}

/// What is asked of the daemon at each probe.
pub(crate) trait Subject: Send + Sync + 'static {
    /// Nothing if documents can be served, else why not, in words for the operator.
    fn problem(&self) -> Option<String>;
    /// What does not work although documents are served, in words for the operator.
    fn defect(&self) -> Option<String>;
    /// Brings gauges up to date before a scrape.
    fn measure(&self);
}

/// Answers `/healthz` (the process runs), `/readyz` (documents can be served) and `/metrics` until `stop` turns true.
pub(crate) async fn serve(
    listener: TcpListener,
    Metrics(metrics): Metrics,
    subject: Arc<dyn Subject>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        let stream = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            _ = upkeep.tick() => {
                metrics.run_upkeep();
                continue;
            }
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some((stream, slot)) = stream else {
            // Out of file handles, most likely: others give some back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (metrics, subject) = (metrics.clone(), subject.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, &metrics, subject.as_ref());
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(CONNECTION_TIME).max_buf_size(16 * 1024);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            // A probe that goes away or sends nonsense is no news.
            let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
            drop(slot);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, slot))
}

/// The answer to one request. The `Host` header must name this machine: a web page in a browser here could otherwise read
/// the metrics through a name that resolves to loopback (DNS rebinding).
fn answer(request: &Request<Incoming>, metrics: &PrometheusHandle, subject: &dyn Subject) -> Response<Full<Bytes>> {
    let host = request.headers().get(hyper::header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_none_or(is_local) {
        return text(StatusCode::MISDIRECTED_REQUEST, "ask for localhost\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => match (subject.problem(), subject.defect()) {
            (None, None) => text(StatusCode::OK, "ok\n"),
            (None, Some(what)) => text(StatusCode::OK, format!("ok, but {what}\n")),
            (Some(why), _) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/metrics" => {
            subject.measure();
            let mut answer = text(StatusCode::OK, metrics.render());
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            answer
        }
        _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n"),
    }
}

fn is_local(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.contains(':') => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    struct Broken;

    impl Subject for Broken {
        fn problem(&self) -> Option<String> {
            Some("the audit log is poisoned".to_owned())
        }
        fn defect(&self) -> Option<String> {
            None
        }
        fn measure(&self) {}
    }

    async fn get(address: SocketAddr, head: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer
    }

    #[test]
    fn limits_are_found_among_the_metrics() {
        let reached = LimitReached { limit: "uploads".to_owned(), front: "web".to_owned(), count: 3 };
        for labels in ["limit=\"uploads\",front=\"web\"", "front=\"web\",limit=\"uploads\""] {
            assert_eq!(limit_reached(&format!("deedbox_limit_hits_total{{{labels}}} 3")), Some(reached.clone()));
        }
        for line in ["", "# TYPE deedbox_limit_hits_total counter", "deedbox_limit_hits_total{limit=\"a\"} 1"] {
            assert_eq!(limit_reached(line), None, "{line}");
        }
    }

    #[tokio::test]
    async fn readiness_names_the_reason_and_strangers_hosts_are_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = watch::channel(false);
        let metrics = Metrics(PrometheusBuilder::new().build_recorder().handle());
        let server = tokio::spawn(serve(listener, metrics, Arc::new(Broken), stopped));
        let ready = get(address, &format!("GET /readyz HTTP/1.1\r\nHost: {address}")).await;
        assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("the audit log is poisoned\n"), "{ready}");
        let health = get(address, "GET /healthz HTTP/1.1\r\nHost: localhost").await;
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
        let rebound = get(address, "GET /metrics HTTP/1.1\r\nHost: evil.example").await;
        assert!(rebound.starts_with("HTTP/1.1 421"), "{rebound}");
        let post = get(address, "POST /metrics HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 0").await;
        assert!(post.starts_with("HTTP/1.1 405"), "{post}");
        stop.send(true).expect("running");
        server.await.expect("stopped");
    }
}
