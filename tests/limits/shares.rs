//! What one account or one connection has at one time.

use crate::demo::{CLIENT_ONE, CLIENT_TWO};
use crate::firm::{Firm, address, dial, run};
use crate::sftp_channel::{CREATE, READ, Sftp, TRUNCATE, WRITE, connect_over, packet, string, write};
use crate::web::{Web, path};

async fn sftp(firm: &Firm, login: &str) -> Sftp {
    let ssh = connect_over(&firm.demo, login, 1 << 21, dial(address(1), firm.sftp()).await).await;
    let mut sftp = Sftp::on(&ssh).await;
    sftp.ssh = Some(ssh);
    sftp.init().await;
    sftp
}

fn open(name: &str, flags: u32) -> Vec<u8> {
    let path = format!("/{}/Documents/Shared room/{name}", crate::demo::MATTER_ONE);
    packet(3, 1, &[&string(path.as_bytes()), &flags.to_be_bytes(), &[0; 4]])
}

#[test]
fn whoever_opens_ten_thousand_handles_gets_as_many_as_one_may_have() {
    run(async {
        let firm = Firm::with("handles_per_connection = 100\ndocuments_per_account = 150");
        let mut one = sftp(&firm, CLIENT_ONE).await;
        let handle = one.document("a", WRITE | CREATE | TRUNCATE).await;
        one.send(&[write(2, &handle, 0, b"content"), packet(4, 3, &[&string(&handle)])].concat()).await;
        assert_eq!((one.status().await.1, one.status().await.1), (0, 0));
        let ten_thousand = async |sftp: &mut Sftp| {
            let (mut handles, mut refusals) = (0, Vec::new());
            for _ in 0..100 {
                sftp.send(&open("a", READ).repeat(100)).await;
                for _ in 0..100 {
                    let answer = sftp.answer().await.expect("an answer");
                    if answer[0] == 102 { handles += 1 } else { refusals.push(answer) }
                }
            }
            assert!(refusals.iter().all(|answer| String::from_utf8_lossy(answer).contains("a limit of this session")));
            handles
        };
        assert_eq!(ten_thousand(&mut one).await, 100);
        assert_eq!(firm.hits("sftp", "handles_per_connection"), 9_900);
        // Over all connections of the account, and nobody else's.
        let mut two = sftp(&firm, CLIENT_ONE).await;
        assert_eq!(ten_thousand(&mut two).await, 50);
        assert_eq!(firm.hits("sftp", "documents_per_account"), 9_950);
        let mut other = sftp(&firm, CLIENT_TWO).await;
        other.document("a", READ).await;
        let mut web = Web::new(&firm, address(2)).await;
        let head = web.head(&firm, CLIENT_ONE, &format!("GET {}", path("a")), "");
        assert_eq!(web.ask(&head, b"").await.0, 429, "the other door counts with it");
        drop(one);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(web.ask(&head, b"").await.0, 200, "what was given back can be had again");
    });
}

#[test]
fn uploads_are_counted_over_both_doors() {
    run(async {
        let firm = Firm::with("uploads_per_account = 2\nuploads = 3");
        let mut one = sftp(&firm, CLIENT_ONE).await;
        one.document("a", WRITE | CREATE | TRUNCATE).await;
        let mut web = Web::new(&firm, address(1)).await;
        let slow = web.head(&firm, CLIENT_ONE, &format!("PUT {}", path("b")), "Content-Length: 5\r\n");
        web.send(slow.as_bytes()).await;
        web.send(b"he").await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        one.send(&open("c", WRITE | CREATE | TRUNCATE)).await;
        let (_, code, text) = one.status().await;
        assert_eq!((code, text.as_str()), (4, "a limit of this session is reached: uploads at one time"));
        assert_eq!(firm.hits("sftp", "uploads_per_account"), 1);
        // The last one of all; beyond it, nobody has another.
        let mut other = sftp(&firm, CLIENT_TWO).await;
        let handle = other.document("d", WRITE | CREATE | TRUNCATE).await;
        other.send(&open("e", WRITE | CREATE | TRUNCATE)).await;
        assert_eq!(other.status().await.1, 4);
        assert_eq!(firm.hits("sftp", "uploads"), 1);
        let mut refused = Web::new(&firm, address(1)).await;
        let put = refused.head(&firm, CLIENT_TWO, &format!("PUT {}", path("f")), "Content-Length: 1\r\n");
        assert_eq!(refused.ask(&put, b"x").await.0, 429);
        // Both that had begun end well.
        web.send(b"llo").await;
        assert_eq!(web.answer().await.map(|(status, _)| status), Some(201));
        other.send(&[write(2, &handle, 0, b"content"), packet(4, 3, &[&string(&handle)])].concat()).await;
        assert_eq!((other.status().await.1, other.status().await.1), (0, 0));
    });
}

#[test]
fn requests_folders_and_channels_are_counted_too() {
    run(async {
        let firm = Firm::with("requests_per_account = 2\nfolders_per_account = 3\nchannels_per_connection = 2");
        let mut webs = Vec::new();
        for n in 0..2 {
            let mut web = Web::new(&firm, address(1)).await;
            let put = format!("PUT {}", path(&format!("slow {n}").replace(' ', "%20")));
            let head = web.head(&firm, CLIENT_ONE, &put, "Content-Length: 5\r\n");
            web.send(head.as_bytes()).await;
            webs.push(web);
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let mut third = Web::new(&firm, address(1)).await;
        let head = third.head(&firm, CLIENT_ONE, &format!("GET {}", path("none")), "");
        assert_eq!(third.ask(&head, b"").await.0, 429);
        assert_eq!(firm.hits("webdav", "requests_per_account"), 1);
        let theirs = third.head(&firm, CLIENT_TWO, &format!("GET {}", path("none")), "");
        assert_eq!(third.ask(&theirs, b"").await.0, 404);
        webs[0].send(b"hello").await;
        assert_eq!(webs[0].answer().await.map(|(status, _)| status), Some(201));
        assert_eq!(third.ask(&head, b"").await.0, 404);

        let ssh = connect_over(&firm.demo, CLIENT_ONE, 1 << 21, dial(address(1), firm.sftp()).await).await;
        let (mut one, mut two) = (Sftp::on(&ssh).await, Sftp::on(&ssh).await);
        assert!(ssh.channel_open_session().await.is_err());
        assert_eq!(firm.hits("sftp", "channels_per_connection"), 1);
        let opendir = packet(11, 1, &[&string(b"/")]);
        for (sftp, most) in [(&mut one, 3), (&mut two, 0)] {
            sftp.init().await;
            let mut open = 0;
            for _ in 0..5 {
                sftp.send(&opendir).await;
                open += usize::from(sftp.answer().await.expect("an answer")[0] == 102);
            }
            assert_eq!(open, most);
        }
        assert_eq!(firm.hits("sftp", "folders_per_account"), 7);
    });
}

#[test]
fn a_document_is_only_so_long_at_both_doors() {
    run(async {
        let firm = Firm::with("upload_gib = 1");
        let mut one = sftp(&firm, CLIENT_ONE).await;
        let handle = one.document("long", WRITE | CREATE | TRUNCATE).await;
        one.send(&write(2, &handle, (1 << 30) - 1, b"xy")).await;
        let (_, code, text) = one.status().await;
        assert_eq!((code, text.as_str()), (4, "the document would be too large"));
        one.send(&write(3, &handle, (1 << 30) - 1, b"x")).await;
        assert_eq!(one.status().await.1, 0);
        let mut web = Web::new(&firm, address(1)).await;
        let put = web.head(&firm, CLIENT_ONE, &format!("PUT {}", path("long 2")), "Content-Length: 1073741825\r\n");
        assert_eq!(web.ask(&put.replace("long 2", "long2"), b"").await.0, 413);
        assert_eq!((firm.hits("sftp", "upload"), firm.hits("webdav", "upload")), (1, 1));
    });
}
