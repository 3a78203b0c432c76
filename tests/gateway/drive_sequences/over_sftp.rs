//! The same shapes over SFTP: what programs do that upload beside a file and then put the new one in its place.

use super::{FOLDERS, Room, WITHOUT_DELETE};
use crate::demo::*;
use crate::sftp_wire::*;

/// One client at one folder.
struct Uploader {
    sftp: Sftp,
    folder: String,
}

impl Uploader {
    async fn at(room: &Room) -> Self {
        Self { sftp: Sftp::ready_as(room.demo, CLIENT_ONE).await, folder: format!("/{}", room.folder) }
    }

    fn path(&self, name: &str) -> Vec<u8> {
        string(format!("{}/{name}", self.folder).as_bytes())
    }

    async fn ask(&mut self, kind: u8, fields: &[&[u8]]) -> u32 {
        self.sftp.send(&packet(kind, 7, fields)).await;
        self.sftp.status().await.1
    }

    async fn upload(&mut self, name: &str, flags: u32, content: &str) {
        let path = self.path(name);
        self.sftp.send(&packet(3, 1, &[&path, &flags.to_be_bytes(), &[0; 4]])).await;
        let answer = self.sftp.answer().await.expect("an answer");
        assert_eq!(answer[0], 102, "HANDLE is expected, not {answer:?}");
        let handle = answer.slice(9..);
        self.sftp.send(&write(2, &handle, 0, content.as_bytes())).await;
        assert_eq!(self.sftp.status().await.1, 0);
        assert_eq!(self.ask(4, &[&string(&handle)]).await, 0);
    }

    async fn remove(&mut self, name: &str) -> u32 {
        let path = self.path(name);
        self.ask(13, &[&path]).await
    }

    async fn rename(&mut self, from: &str, to: &str) -> u32 {
        let (from, to) = (self.path(from), self.path(to));
        self.ask(18, &[&from, &to]).await
    }

    async fn posix_rename(&mut self, from: &str, to: &str) -> u32 {
        let (from, to) = (self.path(from), self.path(to));
        self.ask(200, &[&string(b"posix-rename@openssh.com"), &from, &to]).await
    }

    async fn set_times(&mut self, name: &str) -> u32 {
        let path = self.path(name);
        self.ask(9, &[&path, &8u32.to_be_bytes(), &1_000_000_000u32.to_be_bytes(), &1_000_000_000u32.to_be_bytes()])
            .await
    }

    /// STATUS 2 if nothing is there.
    async fn is_gone(&mut self, name: &str) -> bool {
        let path = self.path(name);
        self.sftp.send(&packet(17, 5, &[&path])).await;
        let answer = self.sftp.answer().await.expect("an answer");
        answer[0] == 101 && answer[5..9] == 2u32.to_be_bytes()
    }
}

#[test]
fn winscp_uploads_beside_removes_the_target_and_renames() {
    for folder in FOLDERS {
        let mut room = Room::with("scan.pdf", folder, "sftp-winscp");
        run(async {
            let mut client = Uploader::at(&room).await;
            client.upload("scan.pdf.filepart", WRITE | CREATE | TRUNCATE, "from WinSCP").await;
            assert_eq!(client.rename("scan.pdf.filepart", "scan.pdf").await, 4, "a plain rename replaces nothing");
            assert_eq!(client.remove("scan.pdf").await, 0);
            assert!(client.is_gone("scan.pdf").await);
            room.others_still_see(super::FIRST);
            assert_eq!(client.rename("scan.pdf.filepart", "scan.pdf").await, 0);
            assert_eq!(client.set_times("scan.pdf").await, 0);
            assert!(client.is_gone("scan.pdf.filepart").await);
        });
        room.was_saved("from WinSCP");
    }
}

#[test]
fn rclone_renames_over_or_removes_and_renames() {
    for folder in FOLDERS {
        for (n, posix) in [true, false].into_iter().enumerate() {
            let mut room = Room::with("scan.pdf", folder, &format!("sftp-rclone-{n}"));
            run(async {
                let mut client = Uploader::at(&room).await;
                let partial = "scan.pdf.1f2e3d4c.partial";
                client.upload(partial, WRITE | CREATE | TRUNCATE, "from rclone").await;
                if posix {
                    assert_eq!(client.posix_rename(partial, "scan.pdf").await, 0);
                } else {
                    assert_eq!(client.remove("scan.pdf").await, 0);
                    assert_eq!(client.rename(partial, "scan.pdf").await, 0);
                }
                assert_eq!(client.set_times("scan.pdf").await, 0);
            });
            room.was_saved("from rclone");
        }
    }
}

#[test]
fn lftp_removes_and_renames() {
    for folder in FOLDERS {
        let mut room = Room::with("scan.pdf", folder, "sftp-lftp");
        run(async {
            let mut client = Uploader::at(&room).await;
            client.upload(".in.scan.pdf", WRITE | CREATE | TRUNCATE, "from lftp").await;
            assert_eq!(client.remove("scan.pdf").await, 0);
            assert_eq!(client.rename(".in.scan.pdf", "scan.pdf").await, 0);
        });
        room.was_saved("from lftp");
    }
}

#[test]
fn what_is_written_to_a_removed_name_begins_from_nothing_though_it_was_not_truncated() {
    let mut room = Room::with("scan.pdf", WITHOUT_DELETE, "sftp-afresh");
    run(async {
        let mut client = Uploader::at(&room).await;
        client.upload("scan.pdf.filepart", WRITE | CREATE | TRUNCATE, "half").await;
        assert_eq!(client.remove("scan.pdf").await, 0);
        client.upload("scan.pdf", WRITE | CREATE, "new").await;
        assert_eq!(client.remove("scan.pdf.filepart").await, 0);
    });
    room.was_saved("new");
}

#[test]
fn a_removal_without_an_upload_beside_it_needs_the_right_to_delete() {
    let room = Room::with("scan.pdf", WITHOUT_DELETE, "sftp-removal");
    run(async {
        let mut client = Uploader::at(&room).await;
        assert_eq!(client.remove("scan.pdf").await, 3);
        client.upload("other.pdf.filepart", WRITE | CREATE | TRUNCATE, "of another").await;
        assert_eq!(client.remove("scan.pdf").await, 3);
        assert!(!client.is_gone("scan.pdf").await);
    });
}
