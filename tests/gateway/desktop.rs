//! Programs of desktops that speak WebDAV by themselves, without a screen: GNOME Files' `gio`, KDE's `kioclient5` and LibreOffice.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::demo::*;
use crate::webdav_drive::Drive;

/// Somebody's session on a desktop: a home, a message bus, and the demo's authority as the only one that the system trusts.
/// It runs in namespaces, so it needs no root, and what its programs leave running ends with it.
pub(crate) struct Session {
    home: TempDir,
}

impl Session {
    pub(crate) fn new(demo: &Demo) -> Self {
        let home = tempfile::Builder::new().prefix("deedbox-desktop-").tempdir().expect("a directory");
        let (certs, run) = (home.path().join("certs"), home.path().join("run"));
        for directory in [&certs, &run] {
            std::fs::create_dir(directory).expect("made");
            std::fs::set_permissions(directory, PermissionsExt::from_mode(0o700)).expect("made private");
        }
        // GnuTLS and curl read the file, Qt looks certificates up by their hash.
        std::fs::copy(demo.text("ca_file"), certs.join("ca-certificates.crt")).expect("copied");
        ok(Command::new("openssl").arg("rehash").arg(&certs).output().expect("openssl is installed"));
        Self { home }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A program of this session, which stands in its home.
    pub(crate) fn program(&self, program: &str) -> Command {
        let script = r#"mount --bind "$1" /etc/ssl/certs && shift && exec dbus-run-session -- "$@""#;
        let mut command = client_for(120, "unshare");
        command
            .args(["-rmpf", "--mount-proc", "--kill-child", "sh", "-c", script, "sh"])
            .arg(self.home().join("certs"))
            .arg(program)
            .current_dir(self.home())
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.home().join("run"))
            .env("LC_ALL", "C.UTF-8")
            .env("QT_QPA_PLATFORM", "offscreen")
            // No disks and telephones, and no FUSE beside.
            .env("GIO_USE_VOLUME_MONITOR", "unix")
            .env("GVFS_DISABLE_FUSE", "1");
        command
    }

    /// Runs commands of a shell that stops at the first that fails; gives what they print.
    pub(crate) fn shell(&self, variables: &[(&str, &str)], script: &str) -> String {
        let mut shell = self.program("sh");
        let output = shell.args(["-euxc", script]).envs(variables.iter().copied()).stdin(Stdio::null()).output();
        ok(output.expect("unshare is installed"))
    }
}

/// The URL of a folder in a scheme of the program's own, with the login in it.
pub(crate) fn url_for(demo: &Demo, scheme: &str, user: &str, path: &str) -> String {
    demo.url(path).replacen("https://", &format!("{scheme}://{user}@"), 1)
}

#[test]
fn gnome_files_works_in_a_folder_through_gvfs() {
    let drive = Drive::fresh("gvfs");
    let session = Session::new(drive.demo);
    std::fs::write(session.home().join("up.bin"), bytes(51, 300_000)).expect("written");
    let url = url_for(drive.demo, "davs", &CLIENT_ONE.replace('@', "%40"), &drive.folder);
    let variables = [("DRIVE", &*url), ("PASSWORD", drive.demo.password(CLIENT_ONE))];
    let listed = session.shell(
        &variables,
        r#"printf '%s\n' "$PASSWORD" | gio mount "$DRIVE" >&2
        gio mkdir "$DRIVE/folder"
        gio copy up.bin "$DRIVE/a ä.bin"
        printf small | gio save "$DRIVE/small.txt"
        # It has no writing in the middle or at the end over WebDAV; an editor saves the whole.
        printf 'small and more' | gio save "$DRIVE/small.txt"
        test "$(gio cat "$DRIVE/small.txt")" = 'small and more'
        gio move "$DRIVE/a ä.bin" "$DRIVE/folder/b.bin"
        gio rename "$DRIVE/small.txt" renamed.txt >&2
        printf newer | gio save "$DRIVE/other.txt"
        gio move "$DRIVE/other.txt" "$DRIVE/renamed.txt"
        test "$(gio cat "$DRIVE/renamed.txt")" = newer
        gio cat "$DRIVE/folder/b.bin" | cmp - up.bin
        gio list "$DRIVE"
        gio info -a etag::value "$DRIVE/renamed.txt""#,
    );
    assert!(listed.starts_with("folder\nrenamed.txt\n") || listed.starts_with("renamed.txt\nfolder\n"), "{listed}");
    assert_eq!(drive.content("renamed.txt"), "newer");
    // What somebody else has changed meanwhile is not overwritten by a window that has the older version open.
    drive.put(204, "renamed.txt", "by somebody else", &[]);
    let tag = listed.lines().find_map(|line| line.trim().strip_prefix("etag::value: ")).expect("an entity tag");
    session.shell(
        &[&variables[..], &[("TAG", tag)]].concat(),
        r#"printf '%s\n' "$PASSWORD" | gio mount "$DRIVE" >&2
        if printf mine | gio save -e "$TAG" "$DRIVE/renamed.txt"; then exit 1; fi
        test "$(gio cat "$DRIVE/renamed.txt")" = 'by somebody else'
        gio remove "$DRIVE/folder/b.bin" "$DRIVE/renamed.txt"
        gio remove "$DRIVE/folder"
        test -z "$(gio list "$DRIVE")"
        gio mount -u "$DRIVE""#,
    );
    drive.expect(404, "folder", &[]);
}

#[test]
fn kde_works_in_a_folder_through_kio() {
    let drive = Drive::fresh("kio");
    let session = Session::new(drive.demo);
    let home = session.home();
    std::fs::create_dir(home.join("folder")).expect("made");
    for (name, content) in [("first.txt", "first"), ("second.txt", "second"), ("folder/inner ä.txt", "inner")] {
        std::fs::write(home.join(name), content).expect("written");
    }
    let user = format!("{}:{}", CLIENT_ONE.replace('@', "%40"), drive.demo.password(CLIENT_ONE));
    let url = url_for(drive.demo, "webdavs", &user, &drive.folder);
    let said = session.shell(
        &[("DRIVE", &url)],
        r#"kio() { kioclient5 --noninteractive --overwrite "$@"; }
        kio copy "$HOME/first.txt" "$DRIVE/small.txt"
        kio copy "$HOME/folder" "$DRIVE/"
        kio copy "$HOME/second.txt" "$DRIVE/small.txt"
        kio move "$DRIVE/small.txt" "$DRIVE/folder/moved ä.txt"
        kio copy "$DRIVE/folder/moved ä.txt" "$DRIVE/copy.txt"
        kio copy "$DRIVE/folder/inner ä.txt" "file://$HOME/got.txt"
        cmp got.txt folder/'inner ä.txt'
        # It asks without Overwrite first and then gives up, on any server; the target must stand.
        if kio move "$DRIVE/copy.txt" "$DRIVE/folder/inner ä.txt"; then exit 1; fi
        kio cat "$DRIVE/folder/inner ä.txt"
        kio ls "$DRIVE/folder/""#,
    );
    assert!(said.starts_with("inner"), "{said}");
    assert!(said.contains("moved ä.txt\n") && said.contains("inner ä.txt\n"), "{said}");
    assert_eq!(drive.content("folder/moved ä.txt"), "second");
    assert_eq!(drive.content("copy.txt"), "second");
    session.shell(
        &[("DRIVE", &url)],
        r#"kioclient5 --noninteractive remove "$DRIVE/copy.txt"
        kioclient5 --noninteractive remove "$DRIVE/folder""#,
    );
    for name in ["copy.txt", "folder"] {
        drive.expect(404, name, &[]);
    }
    assert!(
        !drive.demo.log().contains(drive.demo.password(CLIENT_ONE)),
        "what KIO puts into Destination is not logged"
    );
}

/// How many entries GNOME's and KDE's programs list of a folder whose entries are called `entry …`.
pub(crate) fn names_on_desktops(demo: &Demo, path: &str) -> [(&'static str, usize); 2] {
    let session = Session::new(demo);
    let (login, password) = (CLIENT_ONE.replace('@', "%40"), demo.password(CLIENT_ONE));
    let (gvfs, kio) =
        (url_for(demo, "davs", &login, path), url_for(demo, "webdavs", &format!("{login}:{password}"), path));
    let lines = |text: String| text.lines().filter(|line| line.starts_with("entry ")).count();
    let mount = r#"printf '%s\n' "$PASSWORD" | gio mount "$DRIVE" >&2; gio list "$DRIVE""#;
    [
        ("gvfs", lines(session.shell(&[("DRIVE", &gvfs), ("PASSWORD", password)], mount))),
        ("KIO", lines(session.shell(&[("DRIVE", &kio)], r#"kioclient5 --noninteractive ls "$DRIVE/""#))),
    ]
}

/// A document as LibreOffice writes it, cut down to what it needs to be opened.
const DEED: [(&str, &str); 3] = [
    ("mimetype", "application/vnd.oasis.opendocument.text"),
    (
        "META-INF/manifest.xml",
        r#"<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">
        <manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/>
        <manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"#,
    ),
    (
        "content.xml",
        r#"<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
        xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body><office:text>
        <text:p>The first wording.</text:p></office:text></office:body></office:document-content>"#,
    ),
];

#[test]
fn libreoffice_opens_edits_and_saves_a_document_and_holds_its_lock_meanwhile() {
    let drive = Drive::fresh("libreoffice");
    let session = Session::new(drive.demo);
    let deed = session.home().join("deed.odt");
    for (name, content) in DEED {
        let file = session.home().join(name);
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        std::fs::write(file, content).expect("written");
    }
    let names = DEED.map(|(name, _)| name);
    let zip = r#"import sys, zipfile
with zipfile.ZipFile("deed.odt", "w") as deed: [deed.write(name) for name in sys.argv[1:]]"#;
    let zipped = Command::new("python3").args(["-c", zip]).args(names).current_dir(session.home()).output();
    ok(zipped.expect("python3 is installed"));
    drive.expect(201, "deed.odt", &["-T", &deed.to_string_lossy()]);
    let others = Drive::at(STAFF, "Shared room/libreoffice");

    let url = drive.url("").replacen("https", "vnd.sun.star.webdavs", 1);
    let mut office = session.program("/usr/bin/python3");
    office
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/office.py"))
        .args([&url, CLIENT_ONE, drive.demo.password(CLIENT_ONE)])
        .arg(session.home().join("profile"));
    let mut office = office.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let (mut go_on, said) = (office.stdin.take().expect("piped"), BufReader::new(office.stdout.take().expect("piped")));
    let mut said = said.lines();
    let mut next = || said.next().expect("LibreOffice did not get that far, and said why").expect("text");

    assert_eq!(next(), "opened, to be written: The first wording.");
    others.put(423, "deed.odt", "somebody else", &[]);
    go_on.write_all(b"\n").expect("it waits");
    assert_eq!(next(), "saved");
    assert!(wording(&drive, &session, "deed.odt").contains("The second wording."));
    others.put(423, "deed.odt", "somebody else", &[]);
    go_on.write_all(b"\n").expect("it waits");
    assert_eq!(next(), "saved under another name");
    assert!(wording(&drive, &session, "a copy ä.odt").contains("The second wording."));
    // For this name it forgets the token of its own lock; that helps nobody else, whatever they say they are.
    others.put(423, "a copy ä.odt", "somebody else", &["-A", "LibreOffice 7.4.7.2"]);
    drive.put(423, "a copy ä.odt", "another program", &[]);
    go_on.write_all(b"\n").expect("it waits");
    assert_eq!(next(), "closed");
    for name in ["deed.odt", "a copy ä.odt"] {
        others.put(204, name, "free again", &[]);
    }
    go_on.write_all(b"\n").expect("it waits");
    assert!(office.wait().expect("it ends").success());
    let listing = drive.expect(207, "", &["-X", "PROPFIND", "-H", "Depth: 1"]).text();
    assert_eq!(listing.matches("<D:response>").count(), 3, "nothing but the two documents is left: {listing}");
}

/// The text of a document on the drive, as XML.
fn wording(drive: &Drive, session: &Session, name: &str) -> String {
    let file = session.home().join("got.odt");
    std::fs::write(&file, drive.expect(200, name, &[]).body).expect("written");
    ok(Command::new("unzip").arg("-p").arg(&file).arg("content.xml").output().expect("unzip is installed"))
}
