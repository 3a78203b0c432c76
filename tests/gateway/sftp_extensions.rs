//! The extensions of SFTP on the wire, and long listings.

use bytes::Bytes;

use crate::demo::{CLIENT_ONE, Demo, MATTER_ONE, SCANNER, client, ok};
use crate::sftp_channel::*;

const DONE: u32 = 0;
const PERMISSION_DENIED: u32 = 3;
const FAILURE: u32 = 4;
const UNSUPPORTED: u32 = 8;

/// The SHA-256 of `a hash of it`, by `sha256sum`.
const HASH: [u8; 32] = [
    0x17, 0xff, 0x74, 0x43, 0x93, 0x2f, 0xa8, 0xd8, 0x9d, 0xd1, 0x27, 0x94, 0xb1, 0x23, 0xaf, 0x61, 0x07, 0xc3, 0xf6,
    0xb9, 0xdf, 0x1e, 0xac, 0x0b, 0x9a, 0xb8, 0xe7, 0xf1, 0xbd, 0x7b, 0x96, 0x38,
];

fn in_room(name: &str) -> Vec<u8> {
    string(format!("/{MATTER_ONE}/Documents/Shared room/{name}").as_bytes())
}

fn extended(name: &str, fields: &[&[u8]]) -> Vec<u8> {
    packet(200, 1, &[&[&string(name.as_bytes())[..]], fields].concat())
}

/// Asks for what is answered with a status; gives its code.
async fn status(sftp: &mut Sftp, request: &[u8]) -> u32 {
    sftp.send(request).await;
    sftp.status().await.1
}

/// Asks for what is answered with the data of an EXTENDED_REPLY.
async fn reply(sftp: &mut Sftp, request: &[u8]) -> Bytes {
    sftp.send(request).await;
    let answer = sftp.answer().await.expect("an answer");
    assert_eq!(answer[0], 201, "EXTENDED_REPLY is expected, not {answer:?}");
    answer.slice(5..)
}

/// Asks for what is answered with one path.
async fn path(sftp: &mut Sftp, request: &[u8]) -> String {
    sftp.send(request).await;
    let answer = sftp.answer().await.expect("an answer");
    assert_eq!(answer[..9], [104, 0, 0, 0, 1, 0, 0, 0, 1], "one NAME is expected, not {answer:?}");
    let length = u32::from_be_bytes(answer[9..13].try_into().expect("four bytes")) as usize;
    String::from_utf8_lossy(&answer[13..13 + length]).into_owned()
}

async fn stored(sftp: &mut Sftp, name: &str, content: &[u8]) {
    let handle = sftp.document(name, WRITE | CREATE | TRUNCATE).await;
    sftp.send(&write(1, &handle, 0, content)).await;
    assert_eq!(sftp.status().await.1, DONE);
    assert_eq!(status(sftp, &packet(4, 1, &[&string(&handle)])).await, DONE);
}

#[test]
fn every_extension_that_is_announced_does_what_openssh_says_of_it() {
    run(async {
        let ssh = connect(Demo::shared(), 1 << 21).await;
        let mut sftp = Sftp::on(&ssh).await;
        sftp.send(&packet(1, 3, &[])).await;
        let version = String::from_utf8_lossy(&sftp.answer().await.expect("VERSION")).into_owned();
        for name in [
            "posix-rename@openssh.com",
            "statvfs@openssh.com",
            "fstatvfs@openssh.com",
            "fsync@openssh.com",
            "lsetstat@openssh.com",
            "limits@openssh.com",
            "expand-path@openssh.com",
            "copy-data",
            "home-directory",
            "users-groups-by-id@openssh.com",
            "check-file",
        ] {
            assert!(version.contains(name), "{name} in {version:?}");
        }
        assert!(!version.contains("hardlink"));

        stored(&mut sftp, "extended", b"0123456789").await;
        let (from, to) = (in_room("extended"), in_room("extended too"));
        // Over what is there.
        stored(&mut sftp, "extended too", b"old").await;
        assert_eq!(status(&mut sftp, &packet(18, 1, &[&from, &to])).await, FAILURE);
        assert_eq!(status(&mut sftp, &extended("posix-rename@openssh.com", &[&from, &to])).await, DONE);
        assert_eq!(status(&mut sftp, &extended("posix-rename@openssh.com", &[&to, &from])).await, DONE);

        // Of what one cannot lengthen by reading it: eleven numbers each.
        let handle = sftp.document("extended", READ | WRITE).await;
        let space = reply(&mut sftp, &extended("statvfs@openssh.com", &[&from])).await;
        assert_eq!(space.len(), 88);
        let of_handle = reply(&mut sftp, &extended("fstatvfs@openssh.com", &[&string(&handle)])).await;
        assert_eq!((of_handle.len(), &of_handle[..16]), (88, &space[..16]));

        // What was written stands, for all who open it, before the CLOSE.
        sftp.send(&write(1, &handle, 10, b"!")).await;
        assert_eq!(sftp.status().await.1, DONE);
        assert_eq!(status(&mut sftp, &extended("fsync@openssh.com", &[&string(&handle)])).await, DONE);
        let other = sftp.document("extended", READ).await;
        sftp.send(&read(1, &other, 0, 100)).await;
        assert_eq!(sftp.answer().await.expect("data")[9..], b"0123456789!"[..]);

        // From one handle into another, a part and up to the end.
        let copy = sftp.document("extended copy", READ | WRITE | CREATE | TRUNCATE).await;
        for (from_offset, length, to_offset, code) in [(0u64, 4u64, 2u64, DONE), (8, 0, 6, DONE), (5, 100, 9, 1)] {
            let fields = [
                &string(&other)[..],
                &from_offset.to_be_bytes(),
                &length.to_be_bytes(),
                &string(&copy),
                &to_offset.to_be_bytes(),
            ];
            assert_eq!(status(&mut sftp, &extended("copy-data", &fields)).await, code);
        }
        sftp.send(&read(1, &copy, 0, 100)).await;
        assert_eq!(sftp.answer().await.expect("data")[9..], b"\x00\x00012389!56789!"[..]);
        let into_itself = [&string(&copy)[..], &[0; 16], &string(&copy), &[0; 8]];
        assert_eq!(status(&mut sftp, &extended("copy-data", &into_itself)).await, FAILURE);
        for handle in [handle, other, copy] {
            assert_eq!(status(&mut sftp, &packet(4, 1, &[&string(&handle)])).await, DONE);
        }

        // Times of 2001.
        let times = [&8u32.to_be_bytes()[..], &981_173_106u32.to_be_bytes(), &981_173_106u32.to_be_bytes()].concat();
        assert_eq!(status(&mut sftp, &extended("lsetstat@openssh.com", &[&from, &times])).await, DONE);
        sftp.send(&packet(7, 1, &[&from])).await;
        assert!(sftp.answer().await.expect("ATTRS").ends_with(&981_173_106u32.to_be_bytes()));

        // The longest packet, READ and WRITE, and how many handles.
        let limits = reply(&mut sftp, &extended("limits@openssh.com", &[])).await;
        let numbers: Vec<u64> =
            limits.chunks(8).map(|eight| u64::from_be_bytes(eight.try_into().expect("eight"))).collect();
        assert_eq!((numbers.len(), &numbers[..3]), (4, &[262_144, 261_120, 261_120][..]));
        assert!(numbers[3] >= 16, "{numbers:?}");

        for (asked, told) in [("~", "/"), ("~/a/../b", "/b"), ("a b", "/a b")] {
            assert_eq!(path(&mut sftp, &extended("expand-path@openssh.com", &[&string(asked.as_bytes())])).await, told);
        }
        assert_eq!(status(&mut sftp, &extended("expand-path@openssh.com", &[&string(b"~root")])).await, FAILURE);
        for user in ["", CLIENT_ONE] {
            assert_eq!(path(&mut sftp, &extended("home-directory", &[&string(user.as_bytes())])).await, "/");
        }
        // Whether there is such a login is not told.
        for user in [SCANNER, "nobody at all"] {
            assert_eq!(status(&mut sftp, &extended("home-directory", &[&string(user.as_bytes())])).await, FAILURE);
        }
        let ids = [&string(&[0, 0, 0, 0, 0, 0, 0, 9])[..], &string(&[0, 0, 0, 0])];
        let names = reply(&mut sftp, &extended("users-groups-by-id@openssh.com", &ids)).await;
        let packed = [string(&[string(b"deedbox"), string(b"")].concat()), string(&string(b"client"))].concat();
        assert_eq!(names, packed);

        // There are no links.
        for request in [
            extended("hardlink@openssh.com", &[&from, &to]),
            extended("nobody-knows-it@example.com", &[]),
            packet(20, 1, &[&from, &to]),
            packet(19, 1, &[&from]),
        ] {
            assert_eq!(status(&mut sftp, &request).await, UNSUPPORTED);
        }
    });
}

#[test]
fn a_hash_is_told_to_who_may_read_without_a_transfer_and_stands_in_the_record_as_what_it_is() {
    let demo = Demo::shared();
    let whole = |algorithms: &str| [&string(algorithms.as_bytes())[..], &[0; 20]].concat();
    run(async {
        let mut sftp = Sftp::ready(demo).await;
        stored(&mut sftp, "hashed", b"a hash of it").await;
        let name = in_room("hashed");
        // As WinSCP asks, and as one asks who likes others better.
        for algorithms in ["sha256", "crc32,sha512,sha256"] {
            let told = reply(&mut sftp, &extended("check-file-name", &[&name, &whole(algorithms)])).await;
            assert_eq!(told, [&string(b"sha256")[..], &HASH].concat());
        }
        let handle = sftp.document("hashed", READ).await;
        let told = reply(&mut sftp, &extended("check-file-handle", &[&string(&handle), &whole("sha256")])).await;
        assert_eq!(told, [&string(b"sha256")[..], &HASH].concat());
        // Others, and parts.
        let fields = [&name[..], &whole("md5,sha1")];
        assert_eq!(status(&mut sftp, &extended("check-file-name", &fields)).await, UNSUPPORTED);
        for part in [[1u64, 0, 0], [0, 5, 0], [0, 0, 256]] {
            let [offset, length, block] = part;
            let block = u32::try_from(block).expect("small").to_be_bytes();
            let fields = [&name[..], &string(b"sha256"), &offset.to_be_bytes(), &length.to_be_bytes(), &block];
            assert_eq!(status(&mut sftp, &extended("check-file-name", &fields)).await, FAILURE);
        }
        // What is written has no hash yet, and folders and what is not there have none.
        let writing = sftp.document("hashed", READ | WRITE).await;
        let fields = [&string(&writing)[..], &whole("sha256")];
        assert_eq!(status(&mut sftp, &extended("check-file-handle", &fields)).await, PERMISSION_DENIED);
        assert_eq!(status(&mut sftp, &extended("check-file-name", &[&in_room(""), &whole("sha256")])).await, FAILURE);
        assert_eq!(status(&mut sftp, &extended("check-file-name", &[&in_room("none"), &whole("sha256")])).await, 2);
        // In a drop box not even of what one has sent oneself.
        let mut scanner = Sftp::ready_as(demo, SCANNER).await;
        let sent = string(format!("/{MATTER_ONE}/Documents/Drop box/hashed").as_bytes());
        scanner.send(&packet(3, 1, &[&sent, &(WRITE | CREATE).to_be_bytes(), &[0; 4]])).await;
        let handle = scanner.answer().await.expect("a handle").slice(5..);
        assert_eq!(status(&mut scanner, &packet(4, 1, &[&handle])).await, DONE);
        let code = status(&mut scanner, &extended("check-file-name", &[&sent, &whole("sha256")])).await;
        assert_eq!(code, PERMISSION_DENIED);
    });
    // paramiko, under its own name for it.
    let script = format!(
        "import paramiko, sys\nt = paramiko.Transport(('127.0.0.1', {}))\nt.connect(username='{CLIENT_ONE}', password=sys.argv[1])\n\
         f = paramiko.SFTPClient.from_transport(t).open(sys.argv[2])\nprint(f.check('sha256').hex())\nt.close()\n",
        demo.sftp_port()
    );
    let path = format!("/{MATTER_ONE}/Documents/Shared room/hashed");
    let output = client("/usr/bin/python3").args(["-c", &script, demo.password(CLIENT_ONE), &path]).output();
    let told = ok(output.expect("python3 is installed"));
    assert_eq!(told.trim(), HASH.map(|byte| format!("{byte:02x}")).concat());

    let record = ok(demo.deedbox(&["audit", "show", "--matter", "2026-0001"]));
    let told =
        record.lines().filter(|line| line.contains("Shared room/hashed") && line.contains("its SHA-256 was told"));
    assert_eq!(told.count(), 2, "once for each name that was asked about");
}

#[test]
fn a_long_folder_comes_in_pages_and_each_line_shows_what_one_may_do() {
    run(async {
        let mut sftp = Sftp::ready(Demo::shared()).await;
        let folder = in_room("pages");
        assert_eq!(status(&mut sftp, &packet(14, 1, &[&folder, &[0; 4]])).await, DONE);
        let requests = (0..250u32).map(|n| {
            let name = format!("page {n:03}.txt");
            packet(14, n, &[&in_room(&format!("pages/{name}")), &[0; 4]])
        });
        sftp.send(&requests.flatten().collect::<Vec<_>>()).await;
        for _ in 0..250 {
            assert_eq!(sftp.status().await.1, DONE);
        }
        let (pages, lines) = listed(&mut sftp, &folder).await;
        assert_eq!(pages, [100, 100, 50]);
        let mut names: Vec<_> = lines.iter().map(|line| &line[line.len() - 12..]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), names[0], names[249]), (250, "page 000.txt", "page 249.txt"));

        let (_, lines) = listed(&mut sftp, &string(format!("/{MATTER_ONE}/Documents").as_bytes())).await;
        for (folder, mode) in [
            ("From us", "dr-x------"),
            ("From you", "drwx------"),
            ("Drop box", "d-wx------"),
            ("Shared room", "drwx------"),
        ] {
            let line =
                lines.iter().find(|line| line.ends_with(folder)).unwrap_or_else(|| panic!("{folder}: {lines:?}"));
            assert!(line.starts_with(mode), "{line}");
        }
        assert!(!lines.iter().any(|line| line.ends_with("Internal")), "{lines:?}");
    });
}

/// How many entries each answer to READDIR had, and the long names of all.
async fn listed(sftp: &mut Sftp, folder: &[u8]) -> (Vec<u32>, Vec<String>) {
    sftp.send(&packet(11, 1, &[folder])).await;
    let handle = sftp.answer().await.expect("a handle").slice(5..);
    let (mut pages, mut lines) = (Vec::new(), Vec::new());
    loop {
        sftp.send(&packet(12, 1, &[&handle])).await;
        let mut answer = sftp.answer().await.expect("an answer");
        if answer[0] == 101 {
            assert_eq!(answer[5..9], 1u32.to_be_bytes(), "the end");
            assert_eq!(status(sftp, &packet(4, 1, &[&handle])).await, DONE);
            return (pages, lines);
        }
        let word = |bytes: &Bytes| u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
        let mut rest = answer.split_off(5);
        pages.push(word(&rest.split_to(4)));
        while !rest.is_empty() {
            let length = word(&rest.split_to(4)) as usize;
            let _name = rest.split_to(length);
            let length = word(&rest.split_to(4)) as usize;
            lines.push(String::from_utf8_lossy(&rest.split_to(length)).into_owned());
            // Flags, size, owner, group, mode and two times.
            let _attrs = rest.split_to(4 + 8 + 4 + 4 + 4 + 8);
        }
    }
}
