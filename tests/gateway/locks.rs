//! Locks: shared by everybody and both doors, over restarts, bounded, and in the administrator's hand.

use std::time::Duration;

use serde_json::Value;

use crate::api::{Program, firm};
use crate::demo::*;
use crate::sftp_wire::{CREATE, Sftp, WRITE, packet, run, string, write};
use crate::webdav_drive::Drive;

const LOCKED: &str = "locked: somebody, or another program, is working on it";

fn lockinfo(scope: &str) -> String {
    format!(
        "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:{scope}/></D:lockscope><D:locktype><D:write/></D:locktype>\
         <D:owner>somebody</D:owner></D:lockinfo>"
    )
}

/// Locks and gives the token with its brackets; empty unless the status is 200 or 201.
fn lock(drive: &Drive, status: u16, name: &str, scope: &str, more: &[&str]) -> String {
    let body = lockinfo(scope);
    let reply = drive.expect(status, name, &[&["-X", "LOCK", "--data-binary", &body], more].concat());
    reply.header("lock-token").unwrap_or_default()
}

fn unlock(drive: &Drive, status: u16, name: &str, token: &str) {
    drive.expect(status, name, &["-X", "UNLOCK", "-H", &format!("Lock-Token: {token}")]);
}

/// The same folder of the shared firm as staff have it.
fn staff(name: &str) -> Drive {
    Drive::at(STAFF, &format!("Shared room/{name}"))
}

#[test]
fn shared_locks_stand_beside_each_other_and_each_opens_to_its_holder_alone() {
    let (mine, theirs) = (Drive::fresh("locks-shared"), staff("locks-shared"));
    mine.put(201, "a", "a", &[]);
    let own = lock(&mine, 200, "a", "shared", &[]);
    let other = lock(&theirs, 200, "a", "shared", &[]);
    assert!(!own.is_empty() && own != other);
    lock(&mine, 423, "a", "exclusive", &[]);
    mine.put(423, "a", "b", &[]);
    mine.put(204, "a", "b", &["-H", &format!("If: ({own})")]);
    theirs.put(204, "a", "c", &["-H", &format!("If: ({other})")]);
    let seen = mine.expect(207, "a", &["-X", "PROPFIND", "-H", "Depth: 0"]).text();
    let tokens = [&own, &other].map(|token| seen.contains(token.trim_matches(['<', '>'])));
    assert!(seen.matches("<D:activelock>").count() == 2 && tokens == [true, false], "{seen}");
    unlock(&mine, 204, "a", &own);
    mine.put(423, "a", "d", &[]);
    unlock(&theirs, 204, "a", &other);
    mine.put(204, "a", "d", &[]);
}

#[test]
fn a_folders_lock_covers_its_members_or_everything_below() {
    let (mine, theirs) = (Drive::fresh("locks-deep"), staff("locks-deep"));
    for folder in ["f", "f/g"] {
        mine.expect(201, folder, &["-X", "MKCOL"]);
    }
    mine.put(201, "f/g/a", "a", &[]);
    let flat = lock(&mine, 200, "f", "exclusive", &["-H", "Depth: 0"]);
    theirs.put(423, "f/new", "x", &[]);
    theirs.expect(423, "f/g", &["-X", "DELETE"]);
    assert_eq!(theirs.content("f/g/a"), "a", "what is in it stays, too");
    theirs.put(204, "f/g/a", "b", &[]);
    theirs.put(201, "f/g/new", "x", &[]);
    lock(&theirs, 200, "f/g/new", "exclusive", &[]);
    // Something below is locked by somebody else.
    unlock(&mine, 204, "f", &flat);
    lock(&mine, 423, "f", "exclusive", &["-H", "Depth: infinity"]);
    let listed = theirs.expect(207, "f/g/new", &["-X", "PROPFIND", "-H", "Depth: 0"]).text();
    let token = listed.split("opaquelocktoken:").nth(1).and_then(|rest| rest.split('<').next()).expect("a token");
    unlock(&theirs, 204, "f/g/new", &format!("<opaquelocktoken:{token}>"));
    let deep = lock(&mine, 200, "f", "exclusive", &["-H", "Depth: infinity"]);
    for name in ["f/g/a", "f/g/newer", "f/h"] {
        theirs.put(423, name, "x", &[]);
    }
    lock(&theirs, 423, "f/g/a", "exclusive", &[]);
    theirs.expect(423, "f/g/a", &["-X", "MOVE", "-H", &theirs.to("out")]);
    theirs.put(201, "beside", "x", &[]);
    mine.put(204, "f/g/a", "mine", &["-H", &format!("If: <{}> ({deep})", mine.url("f"))]);
    // What was locked is another folder's once it has moved: the lock ends.
    mine.expect(201, "f", &["-X", "MOVE", "-H", &mine.to("moved"), "-H", &format!("If: <{}> ({deep})", mine.url("f"))]);
    theirs.put(204, "moved/g/a", "theirs", &[]);
}

#[test]
fn over_sftp_a_locked_document_is_refused_with_a_reason_and_so_is_its_folder() {
    let drive = Drive::fresh("locks-sftp");
    drive.expect(201, "sub", &["-X", "MKCOL"]);
    drive.put(201, "sub/a", "first", &[]);
    let token = lock(&drive, 200, "sub/a", "exclusive", &[]);
    let demo = drive.demo;
    let at = |name: &str| string(format!("/{}/{name}", drive.folder).as_bytes());
    run(async {
        for login in [CLIENT_ONE, STAFF] {
            let mut sftp = Sftp::ready_as(demo, login).await;
            for request in [
                packet(3, 1, &[&at("sub/a"), &(WRITE | CREATE).to_be_bytes(), &[0; 4]]),
                packet(13, 1, &[&at("sub/a")]),
                packet(18, 1, &[&at("sub/a"), &at("b")]),
                packet(18, 1, &[&at("sub"), &at("elsewhere")]),
                packet(9, 1, &[&at("sub/a"), &8u32.to_be_bytes(), &[0; 4], &[0; 4]]),
            ] {
                sftp.send(&request).await;
                let (_, code, text) = sftp.status().await;
                assert_eq!((code, text.as_str()), (4, LOCKED), "{request:?}");
            }
        }
        // An upload that had begun before the lock does not come through either.
        let mut sftp = Sftp::ready_as(demo, STAFF).await;
        sftp.send(&packet(3, 1, &[&at("late"), &(WRITE | CREATE).to_be_bytes(), &[0; 4]])).await;
        let handle = sftp.answer().await.expect("a handle").slice(9..);
        sftp.send(&write(2, &handle, 0, b"late")).await;
        assert_eq!(sftp.status().await.1, 0);
        lock(&drive, 201, "late", "exclusive", &[]);
        sftp.send(&packet(4, 3, &[&string(&handle)])).await;
        let (_, code, text) = sftp.status().await;
        assert_eq!((code, text.as_str()), (4, LOCKED));
    });
    assert_eq!(drive.content("sub/a"), "first");
    unlock(&drive, 204, "sub/a", &token);
    ok(demo.sftp(STAFF, &format!("rm \"/{}/sub/a\"", drive.folder)));
}

#[test]
fn a_lock_ends_with_its_time_and_lives_on_with_a_refresh() {
    let (mine, theirs) = (Drive::fresh("locks-time"), staff("locks-time"));
    mine.put(201, "short", "a", &[]);
    mine.put(201, "long", "a", &[]);
    lock(&mine, 200, "short", "exclusive", &["-H", "Timeout: Second-2"]);
    let long = lock(&mine, 200, "long", "exclusive", &["-H", "Timeout: Second-2"]);
    theirs.put(423, "short", "b", &[]);
    let refresh = ["-X", "LOCK", "-H", &format!("If: ({long})"), "-H", "Timeout: Second-600"];
    mine.expect(200, "long", &refresh);
    std::thread::sleep(Duration::from_millis(2100));
    theirs.put(204, "short", "b", &[]);
    theirs.put(423, "long", "b", &[]);
    // Nobody else's to refresh, and no time without end.
    theirs.expect(412, "long", &refresh);
    let text =
        mine.expect(200, "long", &["-X", "LOCK", "-H", &format!("If: ({long})"), "-H", "Timeout: Infinite"]).text();
    assert!(text.contains("<D:timeout>Second-3600</D:timeout>"), "{text}");
}

#[test]
fn the_administrator_sees_locks_without_their_tokens_and_breaks_one_and_a_restart_forgets_none() {
    let demo = firm();
    let path = format!("{MATTER_ONE}/Documents/Shared room/contract.docx");
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", "/etc/hostname"]), 201);
    let body = lockinfo("exclusive");
    let locked = demo.curl(CLIENT_ONE, &path, &["-X", "LOCK", "-D", "-", "--data-binary", &body]);
    let token =
        stdout(&locked).lines().find_map(|line| line.to_lowercase().strip_prefix("lock-token: ").map(str::to_owned));
    let token = token.expect("a token").trim().to_owned();
    let data = demo.data().to_owned();
    let _home = demo.kill();
    let demo = Demo::start_in(&data);
    assert_eq!(demo.status(STAFF, &path, &["-T", "/etc/hostname"]), 423);

    let held = demo.deedbox(&["lock", "list", "--matter", "2026-0001"]);
    let shown = ok(held);
    let bare = token.trim_matches(['<', '>']).trim_start_matches("opaquelocktoken:").replace('-', "");
    assert!(shown.contains(CLIENT_ONE) && shown.contains("contract.docx") && !shown.contains(&bare), "{shown}");
    assert_eq!(ok(demo.deedbox(&["lock", "list", "--matter", "2026-0002"])).lines().count(), 1);
    let held = demo.deedbox_json(&["lock", "list"]);
    let id = held[0]["id"].as_str().expect("an id").to_owned();
    assert_ne!(id, bare);
    let admin = Program::of(&demo, ADMIN, "admin");
    let listed = admin.get("/locks").body(200);
    assert_eq!(
        (listed["items"][0]["id"].as_str(), &listed["items"][0]["login"]),
        (Some(id.as_str()), &CLIENT_ONE.into())
    );
    Program::of(&demo, STAFF, "manage").get("/locks").problem(404, "");

    ok(demo.deedbox(&["lock", "break", &id]));
    assert_eq!(demo.status(STAFF, &path, &["-T", "/etc/hostname"]), 204);
    // Its holder is told, and loses nothing of what others have done since.
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", "/etc/passwd", "-H", &format!("If: ({token})")]), 412);
    let again = demo.deedbox(&["lock", "break", &id]);
    assert!(again.status.code() == Some(1) && both(&again).contains("no such lock"), "{}", both(&again));
    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    assert!(record.contains("lock break") && record.contains("contract.docx of client.one@example.com"), "{record}");

    let relocked = demo.curl(STAFF, &path, &["-X", "LOCK", "--data-binary", &body]);
    assert!(stdout(&relocked).contains("<D:activelock>"), "{}", both(&relocked));
    let id: Value = admin.get("/locks").body(200)["items"][0]["id"].clone();
    let path_of = format!("/locks/{}", id.as_str().expect("an id"));
    assert_eq!(admin.request("DELETE", &path_of, None, &[]).status, 204);
    admin.request("DELETE", &path_of, None, &[]).problem(404, "");
    assert_eq!(demo.status(CLIENT_ONE, &path, &["-T", "/etc/passwd"]), 204);
}
