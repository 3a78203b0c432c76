//! Fills a stopped data directory with documents for `benches/million`: real blobs under their matters' keys, the records
//! of the catalog that uploads would have made, in large commits, and for each upload its intent, confirmation and outcome
//! in the audit record. The documents go to the folder `Documents/Shared room` of each matter, a thousand to each.
//!
//! A sync for every document would take longer than the rest, so `benches/million` runs this under `eatmydata` and
//! syncs once at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use clap::Parser;
use deedbox::audit::{Action, Actor, AuditKeys, Detail, Event, Log, Outcome, Wait};
use deedbox::config::{self, Engine};
use deedbox::keys::{Keyring, MatterKey};
use deedbox::kv::{self, EngineKind, SealKeys, SealedStore};
use deedbox::names::{AccountId, AuthMethod, DocName, Front, NodeId, Role, SessionId, Timestamp};
use deedbox::practice::{Matter, Practice};
use deedbox::vault::blobs::{BlobRef, BlobStore};
use deedbox::vault::{Content, Entry, Version, entry_key, version_key};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const FOLDER: [&str; 2] = ["Documents", "Shared room"];
const IN_A_FOLDER: usize = 1000;
/// Matters that one catalog commit fills: about 7 MiB of records.
const IN_A_COMMIT: usize = 10;

#[derive(Parser)]
struct Arguments {
    /// The configuration file of the data directory
    #[arg(long)]
    config: PathBuf,
    /// Bytes of each document
    #[arg(long, default_value_t = 4096)]
    bytes: usize,
}

struct Filler {
    keyring: Keyring,
    log: Arc<Log>,
    store: SealedStore,
    blobs: BlobStore,
    by: AccountId,
    content: Vec<u8>,
}

/// A document whose blob is there and whose records are not yet.
struct Sealed {
    folder: NodeId,
    name: DocName,
    blob: BlobRef,
}

impl Filler {
    fn fill(&self, matters: &[Arc<Matter>]) -> Result<(), Failure> {
        for some in matters.chunks(IN_A_COMMIT) {
            let sealed: Vec<Vec<Sealed>> = thread::scope(|scope| {
                let sealing: Vec<_> = some.iter().map(|matter| scope.spawn(move || self.seal(matter))).collect();
                sealing.into_iter().map(|one| one.join().expect("sealed")).collect::<Result<_, Failure>>()
            })?;
            let mut change = self.store.change();
            for document in sealed.iter().flatten() {
                let (node, at, by) = (NodeId::random(), Timestamp::now(), self.by);
                let Sealed { folder, name, blob } = document;
                let entry = Entry {
                    name: name.clone(),
                    node,
                    created: at,
                    modified: at,
                    made_by: by,
                    claims: Vec::new(),
                    properties: 0,
                    content: Some(Content { version: 1, blob: *blob }),
                    transient: false,
                    own_name: false,
                    made: None,
                    in_intake: false,
                };
                let key = entry_key(&self.store, *folder, name);
                change.if_absent(&key).put(&key, &entry);
                change.put(&version_key(node, 1), &Version { blob: *blob, at, by });
            }
            self.log.note_catalog_commit(change.commit()?);
        }
        Ok(())
    }

    /// Writes the blobs of one matter, and what the gate would have recorded of the uploads.
    fn seal(&self, matter: &Matter) -> Result<Vec<Sealed>, Failure> {
        let key = self.keyring.matter(matter.id)?;
        let folder = FOLDER.iter().try_fold(None, |parent, name| {
            let folded = DocName::parse(name.as_bytes()).ok()?.folded();
            Some(Some(matter.child(parent, &folded)?.id))
        });
        let folder = folder.flatten().ok_or("a matter has no shared room")?;
        (0..IN_A_FOLDER).map(|number| self.seal_one(matter, &key, folder, number)).collect()
    }

    fn seal_one(&self, matter: &Matter, key: &MatterKey, folder: NodeId, number: usize) -> Result<Sealed, Failure> {
        let name = DocName::parse(format!("Letter to the other side {number:06}.pdf").as_bytes())?;
        let actor = Actor {
            session: SessionId::from_bytes([1; 16]),
            account: Some(self.by),
            login: "staff.one@example.com".to_owned(),
            role: Some(Role::Staff),
            front: Front::Webdav,
            peer: Some("127.0.0.1".to_owned()),
            auth: AuthMethod::Password,
        };
        let event = Event {
            matter: Some(matter.id),
            path: Some(format!("/{}/{}/{name}", matter.folder_name, FOLDER.join("/"))),
            ..Event::new(actor, Action::Create, Outcome::Begun)
        };
        let intent = self.log.begin_blocking(event, Wait::Queued)?;
        let mut writer = self.blobs.create(key)?;
        writer.write(&self.content)?;
        let blob = writer.finish()?;
        let detail = Detail {
            version: Some(1),
            sha256: Some(blob.sha256),
            bytes: Some(blob.size),
            blob: Some(blob.id),
            ..Detail::default()
        };
        intent.confirm(detail.clone())?.wait()?;
        intent.close(Outcome::Done, detail);
        Ok(Sealed { folder, name, blob })
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let settings = config::load(&arguments.config)?;
    let data = &settings.data;
    let keyring = Keyring::open(&data.keys())?;
    let secrets = keyring.audit_keys();
    let keys = AuditKeys { signing_seed: secrets.signing_seed, body_key: secrets.body_key, tag_key: secrets.tag_key };
    let (log, _) = Log::open(&data.audit(), keys, &settings.audit_origin)?;
    let kind = match settings.kv.engine {
        Engine::Redb => EngineKind::Redb,
        Engine::Sled => EngineKind::Sled,
    };
    let engine = kv::open(kind, &data.catalog(), kv::Settings { cache_bytes: settings.kv.cache_bytes })?;
    let (seal, names) = keyring.catalog_keys();
    let store = Arc::new(SealedStore::new(engine.clone(), &SealKeys::new(*seal, *names))?);
    let firm = Practice::open(store)?.firm();
    let by = firm.account_by_login("staff.one@example.com").ok_or("the firm has no staff.one@example.com")?.id;
    // A store of its own above the same engine: the practice keeps the other.
    let store = SealedStore::new(engine, &SealKeys::new(*seal, *names))?;
    let mut content = vec![0; arguments.bytes];
    getrandom::fill(&mut content)?;
    let blobs = BlobStore::open(&data.blobs())?;
    let filler = Filler { keyring, log, store, blobs, by, content };
    // Those that `benches/million` added; the sample firm's own stay as they are.
    let added: Vec<_> = firm.matters().filter(|matter| matter.number.starts_with("M-")).cloned().collect();
    filler.fill(&added)?;
    filler.log.close();
    println!("{} documents in {} matters", added.len() * IN_A_FOLDER, added.len());
    Ok(())
}
