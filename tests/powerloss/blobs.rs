//! The blobs of an image, opened with the age crate and the matters' keys, as a firm would without Deedbox.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use deedbox::keys::{Keyring, MatterKey};

use crate::run::Listed;
use crate::story::Content;

/// Blobs that were opened in other images of the same run, by the SHA-256 of the encrypted file: the same bytes open alike.
#[derive(Default)]
pub(crate) struct Opened(Mutex<HashMap<String, Content>>);

impl Opened {
    /// Every version opens and is what the catalog says; the blobs of the other matter are there; and no other is left.
    pub(crate) fn judge(&self, data: &Path, listed: &[Listed], elsewhere: &[String], found: &mut Vec<String>) {
        let keys = match matter_keys(data) {
            Ok(keys) => keys,
            Err(why) => return found.push(format!("the matters' keys: {why}")),
        };
        let files = files_below(&data.join("blobs"));
        let mut blobs: BTreeMap<String, PathBuf> =
            files.into_iter().map(|path| (blob_id(&path.to_string_lossy()), path)).collect();
        for one in listed {
            let Some(file) = blobs.remove(&one.blob) else {
                found.push(format!("{} version {} has lost its blob {}", one.path, one.version, one.blob));
                continue;
            };
            match self.open(&file, &keys) {
                Ok(content) if content == one.content => {}
                Ok(content) => found.push(format!("{} version {} holds {content:?}", one.path, one.version)),
                Err(why) => found.push(format!("{} version {} does not open: {why}", one.path, one.version)),
            }
        }
        found.extend(elsewhere.iter().filter(|id| blobs.remove(*id).is_none()).map(|id| format!("blob {id} is gone")));
        found.extend(blobs.keys().map(|id| format!("blob {id} is left over: no version names it")));
    }

    fn open(&self, blob: &Path, keys: &[Arc<MatterKey>]) -> Result<Content, String> {
        let sealed = std::fs::read(blob).map_err(|why| format!("{}: {why}", blob.display()))?;
        let name = sha256(&sealed);
        let known = self.0.lock().expect("not poisoned").get(&name).cloned();
        if let Some(content) = known {
            return Ok(content);
        }
        let age = age::Decryptor::new(sealed.as_slice()).map_err(|why| why.to_string())?;
        let identities = keys.iter().map(|key| &**key as &dyn age::Identity);
        let mut plain = Vec::new();
        let read = age.decrypt(identities).map_err(|why| why.to_string())?.read_to_end(&mut plain);
        read.map_err(|why| why.to_string())?;
        let content = Content { size: plain.len() as u64, sha256: sha256(&plain) };
        self.0.lock().expect("not poisoned").insert(name, content.clone());
        Ok(content)
    }
}

/// The id of a blob is its path from the shard on, without `.age`. An id is its own.
pub(crate) fn blob_id(path: &str) -> String {
    let mut parts = path.rsplit('/');
    let (rest, shard) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{shard}{}", rest.trim_end_matches(".age"))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn matter_keys(data: &Path) -> Result<Vec<Arc<MatterKey>>, String> {
    let keyring = Keyring::open(&data.join("keys")).map_err(|why| why.to_string())?;
    let files = files_below(&data.join("keys/matters"));
    let ids = files.iter().filter_map(|path| path.file_stem()?.to_str()?.parse().ok());
    ids.map(|id| keyring.matter(id).map_err(|why| why.to_string())).collect()
}

fn files_below(dir: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => files.extend(files_below(&entry.path())),
            false => drop(files.insert(entry.path())),
        }
    }
    files
}
