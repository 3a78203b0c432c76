//! What the process may still do once it serves, held by the kernel (Landlock).
//!
//! Whoever finds a flaw in a parser and takes the daemon over is then in a process that can open the firm's own files and
//! nothing else, can run no program, opens no TCP connection (but to the ports of the mail relay and the virus scanner) and no
//! listener, reaches no abstract socket and signals no other process. Landlock needs no privileges, and nothing can undo it.
//!
//! It binds the thread that asks for it and those which that thread starts. It is therefore done on the main thread, when
//! the listeners are open (their ports need no right any more) and before the runtime has threads.
//!
//! Directories are allowed, not files: certificates and configurations are replaced by renaming, and a rule on a file
//! would stay with the old one.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cli::{Doing as _, Problem, make_private_dir};
use crate::config::{Sandbox as Wanted, Settings};
use crate::keys::Keyring;
use crate::observe::Sandbox;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, NetPort, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};

/// What is asked of the kernel: files as Linux 6.10 confines them, TCP since 6.7, abstract sockets and signals since 6.12.
/// A later version's restrictions would be untested here.
const WANTED: ABI = ABI::V6;

/// What the kernel must know to hold each of them.
const SINCE: [(ABI, &str); 6] = [
    (ABI::V1, "opening files"),
    (ABI::V2, "moving files between directories"),
    (ABI::V3, "truncating files"),
    (ABI::V4, "TCP"),
    (ABI::V5, "devices"),
    (ABI::V6, "abstract sockets and signals"),
];

/// Where `std` and the runtime learn how many processors this process may use.
const PROCESSORS: [&str; 2] = ["/proc/self", "/sys/fs/cgroup"];

/// How names become addresses: the resolver's own files. That of the name servers lies elsewhere where a service writes it.
const RESOLVER: [&str; 5] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];

impl Sandbox {
    /// Confines this process to what these settings need, and to the directories `also_writes`. Nothing is confined where
    /// the settings switch it off.
    ///
    /// # Errors
    /// If the settings require it and the kernel cannot hold all of it; if other threads run already.
    pub(super) fn enter(settings: &Settings, also_writes: &[&Path]) -> Result<Self, Problem> {
        if settings.sandbox == Wanted::Off {
            let missing = SINCE.map(|(_, what)| what).into();
            return Ok(Self { missing, ..Self::default() });
        }
        if std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) {
            return Err(Problem::failed("cannot enter the sandbox: other threads run already and would stay outside"));
        }
        let sandbox = Self::planned(settings, also_writes)?.confine_thread().doing("enter the sandbox")?;
        if settings.sandbox == Wanted::Require && !sandbox.missing.is_empty() {
            return Err(Problem::failed(format_args!(
                "this kernel cannot confine {}, and `sandbox.landlock` is \"require\"; a newer kernel can (Linux 6.12 has \
                 all of it), or say \"try\"",
                sandbox.missing.join(", ")
            )));
        }
        Ok(sandbox)
    }

    fn planned(settings: &Settings, also_writes: &[&Path]) -> Result<Self, Problem> {
        let data = &settings.data;
        let own = [data.audit(), data.blobs(), data.catalog(), data.matter_keys(), data.staging(), data.run()];
        for folder in &own {
            // What is made later would have no rule, and a restored backup has no `run`.
            make_private_dir(folder).doing(format_args!("make {}", folder.display()))?;
        }
        let mut reads: BTreeSet<_> = [data.path().to_owned()].into();
        reads.extend(settings.matter_types.clone());
        let files = std::iter::once(&settings.source)
            .chain(&settings.guards)
            .chain(&settings.intake)
            .chain(&settings.pages.logo)
            .chain(settings.https.iter().flat_map(|https| [&https.certificate, &https.key]))
            .chain(settings.host_keys().into_iter().flatten())
            .chain(settings.user_keys.files().map(|(_, file)| file));
        for file in files {
            reads.extend(folder(file));
            // Where renewals swing a link, the file behind it lies elsewhere, and so will the next one.
            reads.extend(file.canonicalize().ok().as_deref().and_then(folder));
        }
        reads.extend(Keyring::credential().as_deref().and_then(folder));
        reads.extend(PROCESSORS.map(PathBuf::from));
        let relay = settings.mail.as_ref().map(|mail| &mail.relay);
        if let Some(mail) = &settings.mail {
            reads.extend(mail.templates.clone());
            for (_, file) in mail.files() {
                reads.extend(folder(file));
                reads.extend(file.canonicalize().ok().as_deref().and_then(folder));
            }
        }
        if relay.is_some_and(|relay| relay.host.parse::<IpAddr>().is_err()) {
            // Files, not the directory: /etc has more than names. Where one is replaced, names fail until the next start.
            reads.extend(RESOLVER.map(PathBuf::from));
            let servers = Path::new(RESOLVER[0]).canonicalize().ok();
            reads.extend(servers.as_deref().and_then(folder).filter(|folder| folder != Path::new("/etc")));
        }
        let writes = own.into_iter().chain(also_writes.iter().map(|path| path.to_path_buf())).collect();
        // A unix socket needs no rule: Landlock confines abstract ones alone.
        let scanner = settings.scan.as_ref().and_then(|scan| scan.clamd.port());
        let connects = relay.map(|relay| relay.port).into_iter().chain(scanner).collect();
        Ok(Self { writes, reads, connects, ..Self::default() })
    }

    /// Confines the calling thread, and all that it will start, to what is planned.
    fn confine_thread(mut self) -> Result<Self, RulesetError> {
        self.reads.retain(|path| path.exists());
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(WANTED))?
            .handle_access(AccessNet::from_all(WANTED))?
            .scope(Scope::from_all(WANTED))?
            .create()?
            .add_rules(path_beneath_rules(&self.reads, AccessFs::ReadFile | AccessFs::ReadDir))?
            .add_rules(path_beneath_rules(&self.writes, changing()))?
            .add_rules(
                self.connects.iter().map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp))),
            )?;
        let status = ruleset.restrict_self()?;
        let abi = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi as u32,
            LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
        };
        self.landlock_abi = (abi > 0).then_some(abi);
        self.missing = SINCE.iter().filter(|(since, _)| abi < *since as u32).map(|(_, what)| *what).collect();
        Ok(self)
    }

    /// Why a file could not be opened, if it is because of the sandbox.
    pub(super) fn explain(&self, path: &Path, cause: &io::Error) -> Option<String> {
        if self.landlock_abi.is_none() || cause.kind() != io::ErrorKind::PermissionDenied {
            return None;
        }
        // Looking a path up is not confined, only opening what is there.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let allowed = self.reads.iter().chain(&self.writes).any(|folder| {
            real.starts_with(folder) || folder.canonicalize().is_ok_and(|folder| real.starts_with(folder))
        });
        let real = real.display();
        (!allowed)
            .then(|| format!("{real} lies outside of what the sandbox allowed when the daemon started: restart it"))
    }
}

/// Everything that a store does with its own files: no program is run, no device, pipe or link made.
fn changing() -> BitFlags<AccessFs> {
    let never = AccessFs::Execute
        | AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeFifo
        | AccessFs::MakeSym
        | AccessFs::IoctlDev;
    AccessFs::from_all(WANTED) & !never
}

fn folder(file: &Path) -> Option<PathBuf> {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use rustix::process::{getppid, test_kill_process};

    use super::*;

    /// Landlock binds the thread that asks: a test can confine one of its own and look at it from inside.
    #[test]
    fn a_confined_thread_reaches_its_own_files_and_nothing_else() {
        let home = tempfile::tempdir().expect("a directory");
        let source = home.path().join("etc/deedbox.toml");
        let text = "data = \"../data\"\n[https]\ncertificate = \"../live/server.pem\"\nkey = \"../live/server.key\"\n";
        let settings = crate::config::parse(text, &source).expect("valid");
        for folder in ["etc", "data", "data/certs", "live", "archive", "outside"] {
            std::fs::create_dir(home.path().join(folder)).expect("made");
        }
        for file in ["etc/deedbox.toml", "archive/1.pem", "data/certs/old.pem", "outside/secret"] {
            std::fs::write(home.path().join(file), "here").expect("written");
        }
        std::os::unix::fs::symlink("../archive/1.pem", home.path().join("live/server.pem")).expect("linked");
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("an address");
        let name = SocketAddr::from_abstract_name(home.path().as_os_str().as_encoded_bytes()).expect("a name");
        let _abstract = UnixDatagram::bind_addr(&name).expect("bound");
        let at = |path: &str| home.path().join(path);
        let denied = |done: io::Result<()>| done.is_err_and(|why| why.kind() == io::ErrorKind::PermissionDenied);
        let confined = || {
            let planned = Sandbox::planned(&settings, &[]).expect("planned");
            let sandbox = planned.confine_thread().expect("confined");
            assert!(sandbox.missing.is_empty(), "this kernel cannot hold all of it: {sandbox}");
            // Its own.
            std::fs::write(at("data/blobs/one"), "1").expect("written");
            std::fs::rename(at("data/blobs/one"), at("data/staging/one")).expect("moved");
            std::fs::remove_file(at("data/staging/one")).expect("removed");
            std::fs::read(at("etc/deedbox.toml")).expect("the configuration");
            std::fs::read(at("live/server.pem")).expect("the certificate behind the link");
            // What is only read.
            assert!(denied(std::fs::write(at("archive/1.pem"), "forged")));
            assert!(denied(std::fs::write(at("data/certs/old.pem"), "forged")));
            assert!(denied(std::fs::write(at("data/keys/firm.key"), "forged")));
            assert!(denied(std::fs::write(at("etc/deedbox.toml"), "forged")));
            // The rest of the system.
            let refused = std::fs::read(at("outside/secret")).expect_err("outside");
            assert!(sandbox.explain(&at("outside/secret"), &refused).is_some_and(|why| why.contains("restart")));
            assert!(sandbox.explain(&at("data/certs/old.pem"), &refused).is_none(), "that is not the sandbox");
            assert!(denied(std::process::Command::new("/bin/true").status().map(drop)));
            assert!(denied(TcpStream::connect(address).map(drop)));
            assert!(denied(TcpListener::bind("127.0.0.1:0").map(drop)));
            let datagram = UnixDatagram::unbound().expect("a socket");
            assert!(denied(datagram.connect_addr(&name)));
            assert_eq!(test_kill_process(getppid().expect("a parent")), Err(rustix::io::Errno::PERM));
            listener.accept().is_ok()
        };
        std::thread::scope(|scope| {
            let confined = scope.spawn(confined);
            // What was opened before still listens.
            let client = TcpStream::connect(address).expect("connected");
            assert!(confined.join().expect("as it should be"));
            drop(client);
        });
        std::fs::read(at("outside/secret")).expect("other threads are free");
    }

    #[test]
    fn a_confined_thread_reaches_the_ports_of_relay_and_scanner_alone_and_can_look_a_name_up() {
        let home = tempfile::tempdir().expect("a directory");
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("bound"));
        let [relay, scanner, other] = listeners.map(|one| (one.local_addr().expect("an address"), one));
        let text = format!(
            "[https]\npublic_url = \"https://portal.example.com\"\n[mail]\nsmtp = \"localhost:{}\"\ntls = \"none\"\n\
             from = \"portal@example.com\"\n[scan]\nclamd = \"{}\"\n",
            relay.0.port(),
            scanner.0
        );
        let settings = crate::config::parse(&text, &home.path().join("deedbox.toml")).expect("valid");
        let denied = |done: io::Result<TcpStream>| done.is_err_and(|why| why.kind() == io::ErrorKind::PermissionDenied);
        let confined = || {
            let sandbox = Sandbox::planned(&settings, &[]).expect("planned").confine_thread().expect("confined");
            let ports = BTreeSet::from([relay.0.port(), scanner.0.port()]);
            let told: Vec<_> = ports.iter().map(u16::to_string).collect();
            let told = format!("connections to ports {} alone", told.join(" and "));
            assert!(sandbox.to_string().contains(&told), "{sandbox}");
            TcpStream::connect(relay.0).expect("the relay");
            TcpStream::connect(scanner.0).expect("the scanner");
            assert!(denied(TcpStream::connect(other.0)));
            let found = std::net::ToSocketAddrs::to_socket_addrs("localhost:25").expect("looked up");
            assert!(found.into_iter().all(|address| address.ip().is_loopback()));
            std::fs::read("/etc/hosts").expect("the resolver's");
            assert!(std::fs::read("/etc/passwd").is_err(), "nobody else's");
        };
        std::thread::scope(|scope| scope.spawn(confined).join().expect("as it should be"));
    }
}
