//! What programs send to a drive when they open, save and copy, replayed request by request, with the headers that they
//! send: recordings, not what a client of ours would send.
//!
//! Each is played in a folder where the client may list, read, create and update and not delete, and where everything is
//! allowed; copies in also where nothing but creating is. After a save the document must be the one that it was, with one
//! version more, and while it goes on nobody else may miss it.

mod abandoned;
mod explorer;
mod finder;
mod office;
mod over_sftp;
mod told;
mod tools;
mod wire;

use std::sync::OnceLock;

use serde_json::Value;

use crate::demo::*;
use wire::Client;

/// Folders of the sample firm: without the right to delete, with every right.
pub(crate) const WITHOUT_DELETE: &str = "Drafts";
pub(crate) const EVERYTHING: &str = "Shared room";
/// Both.
pub(crate) const FOLDERS: [&str; 2] = [WITHOUT_DELETE, EVERYTHING];

/// A folder of a test's own in which staff have put a document.
pub(crate) struct Room {
    pub(crate) demo: &'static Demo,
    /// Below `/dav/`.
    pub(crate) folder: String,
    pub(crate) document: String,
    /// The document's node as it was made.
    node: String,
    /// The first record that is this room's.
    first_record: u64,
    staff: Client,
}

/// One firm for all rooms: their shares show folders to people who must not see them in other tests.
fn firm() -> &'static Demo {
    static FIRM: OnceLock<Demo> = OnceLock::new();
    FIRM.get_or_init(|| {
        let demo = Demo::start();
        end_with_tests(demo.pid());
        demo
    })
}

/// The content that staff have put.
pub(crate) const FIRST: &str = "as it was";

impl Room {
    /// In one of the sample's folders.
    pub(crate) fn with(document: &str, folder: &str, name: &str) -> Self {
        let demo = firm();
        let folder = format!("{MATTER_ONE}/Documents/{folder}/{name}");
        let mut staff = Client::at(demo, STAFF, &folder, &[]);
        staff.expect(201, "MKCOL", "", &[], "");
        let made = staff.put(201, document, &[], FIRST);
        let (node, version) = version_of(&made.header("etag").expect("an entity tag"));
        assert_eq!(version, 1);
        let first_record = demo.deedbox_json(&["status"])["audit"]["records"].as_u64().expect("a number");
        // Of the two folders only one is open to the expert; a share opens the document in either, and hangs on it.
        let path = format!("{}/{document}", folder.split_once('/').expect("a matter").1);
        ok(demo.deedbox(&["document", "share", "--matter", "2026-0001", &path, "--with", "expert"]));
        Self { demo, folder, document: document.to_owned(), node, first_record, staff }
    }

    /// The client's side of it.
    pub(crate) fn client(&self, agent: &[&str]) -> Client {
        Client::at(self.demo, CLIENT_ONE, &self.folder, agent)
    }

    /// To everybody else the document stands as it stood.
    pub(crate) fn others_still_see(&mut self, content: &str) {
        let document = self.document.clone();
        assert_eq!(self.staff.content(&document), content);
        let listing = self.staff.expect(207, "PROPFIND", "", &["Depth: 1"], "").text();
        assert_eq!(listing.matches("<D:response>").count(), 2, "the folder and the document: {listing}");
    }

    /// The document is the one that it was, with this content as its next version; one update is recorded, and nothing by
    /// which it would have been removed or moved. Temporary files are gone, or their maker's alone.
    pub(crate) fn was_saved(&mut self, content: &str) {
        self.was_saved_as(content, 2);
    }

    pub(crate) fn was_saved_as(&mut self, content: &str, version: u64) {
        self.others_still_see(content);
        let document = self.document.clone();
        let head = self.staff.expect(200, "HEAD", &document, &[], "");
        let now = version_of(&head.header("etag").expect("an entity tag"));
        assert_eq!(now, (self.node.clone(), version), "one document, one more version");
        let shared = self.demo.status(EXPERT, &format!("{}/{document}", self.folder), &[]);
        assert_eq!(shared, 200, "the share is still on it");
        let done = self.done();
        let count = |action: &str| done.iter().filter(|record| record["action"] == action).count();
        assert_eq!(count("update") as u64, version - 1, "{done:#?}");
        assert_eq!((count("delete"), count("move"), count("create")), (0, 0, 0), "{done:#?}");
    }

    /// What was done with the document since staff have put it: by its node, or under its name.
    fn done(&self) -> Vec<Value> {
        let from = self.first_record.to_string();
        let path = format!("/{}/{}", self.folder, self.document);
        let is_it = |record: &Value| record["object"] == self.node.as_str() || record["path"] == path.as_str();
        let changes = ["create", "update", "delete", "move", "set-aside"].map(Value::from);
        let mut done = Vec::new();
        // Outcomes are durable within 100 ms.
        for _ in 0..50 {
            let shown = ok(self.demo.deedbox(&["audit", "show", "--json", "--from", &from]));
            let records = shown.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record a line"));
            let (open, ended): (Vec<_>, Vec<_>) = records
                .filter(|record| is_it(record) && changes.contains(&record["action"]))
                .partition(|record| record["outcome"] == "begun" || record["outcome"] == "confirmed");
            let mut begun = open.iter().filter(|record| record["outcome"] == "begun");
            done = ended;
            if begun.all(|intent| done.iter().any(|record| record["refers"] == intent["seq"])) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        done.retain(|record| record["outcome"] == "done");
        done
    }
}

/// Node and version of an entity tag.
fn version_of(etag: &str) -> (String, u64) {
    let (node, version) = etag.trim_matches('"').split_once('-').expect("node and version");
    (node.to_owned(), version.parse().expect("a number"))
}
