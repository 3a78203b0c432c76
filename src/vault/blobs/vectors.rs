//! The CCTV test vectors, against our header and payload.

use std::fs::{self, File};
use std::path::Path;

use aws_lc_rs::digest;

use super::BlobError;
use super::reader::open_any;
use crate::keys::MatterKey;
use crate::names::BlobId;

struct Vector {
    expect: String,
    payload: Option<String>,
    identity: String,
    file: Vec<u8>,
}

fn parse(bytes: &[u8]) -> Vector {
    let split = bytes.windows(2).position(|pair| pair == b"\n\n").expect("a header");
    let head = std::str::from_utf8(&bytes[..split]).expect("text");
    let field =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned);
    let mut file = bytes[split + 2..].to_vec();
    for run in head.lines().filter_map(|line| line.strip_prefix("zeros: ")) {
        let (at, count) = run.split_once(' ').expect("offset and count");
        let (at, count): (usize, usize) = (at.parse().expect("a number"), count.parse().expect("a number"));
        file.splice(at..at, std::iter::repeat_n(0, count));
    }
    Vector {
        expect: field("expect").expect("every vector says what is expected"),
        payload: field("payload"),
        identity: field("identity").expect("every vector of the selection has an identity"),
        file,
    }
}

/// Headers that lack a stanza's empty last line, as early files of the `age` crate did. It still parses them; the MAC
/// covers the bytes as they are.
const LEGACY_STANZAS: [&str; 2] = ["stanza_missing_body", "stanza_missing_final_line"];

/// Opens and reads it all, as far as it goes.
fn decrypt(path: &Path, matter: &MatterKey) -> Result<Vec<u8>, BlobError> {
    let file = File::open(path).expect("it was just written");
    let (reader, _) = open_any(file, path.to_owned(), BlobId::random(), matter)?;
    let mut content = vec![0; usize::try_from(reader.size()).expect("small")];
    let read = reader.read_at(0, &mut content)?;
    assert_eq!(read, content.len());
    Ok(content)
}

#[test]
fn every_vector_opens_or_fails_as_the_standard_says() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/vault/blobs/vectors");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("blob");
    let (mut good, mut bad, mut lenient) = (0, 0, Vec::new());
    for entry in fs::read_dir(vectors).expect("the vectors are there") {
        let entry = entry.expect("an entry").path();
        let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let vector = parse(&fs::read(&entry).expect("readable"));
        fs::write(&path, &vector.file).expect("written");
        let Ok(matter) = MatterKey::from_text(&vector.identity) else {
            panic!("{name}: its identity is no X25519 one")
        };
        match (vector.expect.as_str(), decrypt(&path, &matter)) {
            ("success", Ok(content)) => {
                let sha256 = hex::encode(digest::digest(&digest::SHA256, &content));
                assert_eq!(Some(sha256), vector.payload, "{name}");
                good += 1;
            }
            ("success", Err(error)) => panic!("{name}: {error}"),
            (_, Ok(_)) => lenient.push(name),
            (_, Err(BlobError::Damaged { .. })) => bad += 1,
            (_, Err(error)) => panic!("{name}: {error}"),
        }
    }
    lenient.sort_unstable();
    assert_eq!(lenient, LEGACY_STANZAS, "opened against the standard");
    assert!(good >= 13 && bad >= 50, "{good} good, {bad} bad vectors");
}
