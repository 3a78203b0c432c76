//! The columns of the table of rights at the front door: operations, as the commands of the clients that do them.

/// One column: what is done with the clients' commands, and what must then be there and not there if it was done.
///
/// In the commands `F` is the folder under test, `A` the folder in which everything is allowed, and `K` a word that is
/// unique to the row. A name that ends with `.txt` was put there by staff unless it starts with `own`.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// For OpenSSH's `sftp`; `TIME` and `HASH` stand for SETSTAT and check-file, for which that has no command.
    pub(crate) sftp: &'static str,
    /// Method, path and destination for curl.
    pub(crate) dav: &'static str,
    /// What holds after it is done and not otherwise: `+` there, `-` gone; names below `A/` are there.
    pub(crate) effect: &'static str,
    /// The methods of `vfs::View` that it leads to.
    pub(crate) methods: &'static [&'static str],
}

const fn column(
    name: &'static str,
    sftp: &'static str,
    dav: &'static str,
    effect: &'static str,
    methods: &'static [&'static str],
) -> Column {
    Column { name, sftp, dav, effect, methods }
}

/// In this order on each row, since later ones work on what earlier ones made.
pub(crate) const COLUMNS: &[Column] = &[
    column("list", "ls -1 F", "LIST F/", "", &["list", "locks_in", "matters"]),
    column("space", "df F", "SPACE F/", "", &["space"]),
    column("stat", "ls -1 F/stat.txt", "STAT F/stat.txt", "", &["stat", "locks", "properties"]),
    column("read", "get F/read.txt got", "GET F/read.txt", "", &["read", "fetch"]),
    column("hash", "HASH F/read.txt", "", "", &["sha256"]),
    column("create", "put new F/own.txt", "PUT F/own.txt", "+own.txt", &["write"]),
    column("replace", "put new F/replace.txt", "PUT F/replace.txt", "", &["write"]),
    column("append", "reput longer F/append.txt", "", "", &["write"]),
    column("mkdir", "mkdir F/made", "MKCOL F/made", "+made", &["make_folder"]),
    column(
        "rename",
        "rename F/old.txt F/renamed.txt",
        "MOVE F/old.txt F/renamed.txt",
        "-old.txt +renamed.txt",
        &["rename"],
    ),
    column("rename-over", "rename F/a.txt F/b.txt", "MOVE F/a.txt F/b.txt", "-a.txt", &["rename"]),
    column("rename-if-free", "rename -l F/c.txt F/b.txt", "MOVE-FREE F/c.txt F/b.txt", "-c.txt", &["rename"]),
    column("rename-folder", "rename F/folder F/folder2", "MOVE F/folder/ F/folder2/", "-folder +folder2", &["rename"]),
    column(
        "move-out",
        "rename F/out.txt A/out-K.txt",
        "MOVE F/out.txt A/out-K.txt",
        "-out.txt +A/out-K.txt",
        &["rename"],
    ),
    column("move-in", "rename A/in-K.txt F/in.txt", "MOVE A/in-K.txt F/in.txt", "+in.txt -A/in-K.txt", &["rename"]),
    column(
        "move-in-over",
        "rename A/onto-K.txt F/onto.txt",
        "MOVE A/onto-K.txt F/onto.txt",
        "-A/onto-K.txt",
        &["rename"],
    ),
    column(
        "copy-out",
        "cp F/copy.txt A/copy-K.txt",
        "COPY F/copy.txt A/copy-K.txt",
        "+A/copy-K.txt",
        &["copy_document"],
    ),
    column("copy-in", "cp A/source F/copied.txt", "COPY A/source F/copied.txt", "+copied.txt", &["copy_document"]),
    column("copy-in-over", "cp A/source F/copy.txt", "COPY A/source F/copy.txt", "", &["copy_document"]),
    column("delete", "rm F/delete.txt", "DELETE F/delete.txt", "-delete.txt", &["remove_document"]),
    column("rmdir", "rmdir F/empty", "DELETE F/empty/", "-empty", &["remove_folder"]),
    column("set-time", "TIME F/time.txt", "TIME F/time.txt", "", &["set_times"]),
    column("set-property", "", "PROPERTY F/time.txt", "", &["change_properties"]),
    column("lock", "", "LOCK F/lock.txt", "", &["lock"]),
    column("refresh-lock", "", "REFRESH F/lock.txt", "", &["refresh_lock"]),
    column("unlock", "", "UNLOCK F/lock.txt", "", &["unlock"]),
    column("lock-free-name", "", "LOCK F/locked.txt", "+locked.txt", &["lock", "write"]),
    column("own-stat", "ls -1 F/own.txt", "STAT F/own.txt", "", &["stat"]),
    column("own-read", "get F/own.txt got", "GET F/own.txt", "", &["read", "fetch"]),
    column("own-time", "TIME F/own.txt", "TIME F/own.txt", "", &["set_times"]),
    column("own-replace", "put new F/own.txt", "PUT F/own.txt", "", &["write"]),
    column("own-rename", "rename F/own.txt F/own2.txt", "MOVE F/own.txt F/own2.txt", "+own2.txt", &["rename"]),
    column("own-delete", "rm F/copied.txt", "DELETE F/copied.txt", "", &["remove_document"]),
    column("own-mkdir-in", "mkdir F/made/inner", "MKCOL F/made/inner", "", &["make_folder"]),
    column("own-rmdir", "rmdir F/made/inner", "DELETE F/made/inner/", "", &["remove_folder"]),
    column("temporary", "put new \"F/~$own.txt\"", "PUT F/~$own.txt", "", &["write"]),
    column("rm-temporary", "rm \"F/~$own.txt\"", "DELETE F/~$own.txt", "", &["remove_document"]),
    // A save that moves the original away and puts it back, and one that removes it first.
    column("save-away", "rename F/away.txt \"F/~WRL0001.tmp\"", "MOVE F/away.txt F/~WRL0001.tmp", "", &["rename"]),
    column("save-back", "rename \"F/~WRL0001.tmp\" F/away.txt", "MOVE F/~WRL0001.tmp F/away.txt", "", &["rename"]),
    column("save-beside", "put new F/save.txt.filepart", "PUT F/save.txt.filepart", "", &["write"]),
    column("save-remove", "rm F/save.txt", "DELETE F/save.txt", "", &["remove_document"]),
    column(
        "save-finish",
        "rename F/save.txt.filepart F/save.txt",
        "MOVE F/save.txt.filepart F/save.txt",
        "",
        &["rename"],
    ),
];
