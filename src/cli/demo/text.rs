//! What the demo tells a person: for each account, lines to paste.

use std::fmt::Write as _;

use super::accounts::Account;
use super::{Ready, reachable};

/// The whole guide.
pub(super) fn guide(ready: &Ready) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_guide(&mut text, ready);
    text
}

fn write_guide(out: &mut String, ready: &Ready) -> std::fmt::Result {
    let (sftp, https) = (reachable(ready.sftp), reachable(ready.https));
    let data = quoted(&ready.data.display().to_string());
    writeln!(out, "Deedbox runs with a sample firm. Stop it with Ctrl-C.\n")?;
    writeln!(out, "  SFTP    {sftp}")?;
    writeln!(out, "  WebDAV  {}", ready.webdav_url)?;
    writeln!(out, "  Pages   https://{https}/")?;
    writeln!(out, "  State   {} (kept; `deedbox demo --data DIR` starts it again)", ready.data.display())?;
    writeln!(out, "  Health  http://{}/readyz, metrics at /metrics\n", ready.observe)?;
    for account in &ready.accounts {
        write_account(out, ready, account)?;
    }
    let url = &ready.webdav_url;
    let (first, password) = example(ready);
    // As it was started, since it need not be installed.
    let program = std::env::current_exe().map_or("deedbox".to_owned(), |path| quoted(&path.display().to_string()));
    writeln!(
        out,
        "\
As a drive (here as {first}; another login works alike)
  Linux     rclone mount :webdav: ~/deedbox --webdav-url {url} \\
              --webdav-user {first} --webdav-pass \"$(rclone obscure {password})\" --ca-cert {ca} \\
              --vfs-cache-mode writes
            or in Files: Other Locations, davs://{https}/dav/ (after trusting {ca})
  Windows   certutil -addstore -user Root ca.pem      (a copy of {ca})
            net use Z: {url} {password} /user:{first}
  macOS     security add-trusted-cert -k ~/Library/Keychains/login.keychain-db ca.pem
            Finder, Go, Connect to Server: {url}
            or: mkdir -p ~/deedbox && mount_webdav -i {url} ~/deedbox
",
        ca = quoted(&ready.ca_file.display().to_string()),
    )?;
    writeln!(
        out,
        "\
What happened is in the audit record
  {program} audit show --data {data}
  {program} audit show --matter 2026-0001 --data {data} --json
  {program} audit verify --data {data}
And why somebody may do something
  {program} policy explain --login {first} --verb read \\
    --path '/2026-0001 Purchase of 12 High Street/Documents/From us' --data {data}"
    )
}

fn write_account(out: &mut String, ready: &Ready, account: &Account) -> std::fmt::Result {
    let Account { login, role, password, private_key_file } = account;
    let sftp = reachable(ready.sftp);
    let hosts = quoted(&format!("UserKnownHostsFile={}", ready.known_hosts_file.display()));
    let (host, port) = (sftp.ip(), sftp.port());
    let key = quoted(&private_key_file.display().to_string());
    writeln!(out, "{login}  ({role})  password {}", password.expose())?;
    if role == "admin" {
        return writeln!(out, "  Administers the firm and sees no documents: log in and the list is empty.\n");
    }
    writeln!(out, "  sftp -P {port} -o {hosts} -o IdentitiesOnly=yes -i {key} {login}@{host}")?;
    writeln!(out, "  sftp -P {port} -o {hosts} -o PubkeyAuthentication=no {login}@{host}")?;
    writeln!(
        out,
        "  curl --cacert {} -u {}:{} -X PROPFIND -H 'Depth: 1' {}\n",
        quoted(&ready.ca_file.display().to_string()),
        login,
        password.expose(),
        ready.webdav_url
    )
}

fn example(ready: &Ready) -> (&str, &str) {
    ready.accounts.first().map_or(("", ""), |account| (account.login.as_str(), account.password.expose()))
}

/// As one word for a shell, left alone where it is one already.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '=' | '@' | ':');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_and_quotes_survive_a_shell() {
        assert_eq!(quoted("/tmp/firm"), "/tmp/firm");
        assert_eq!(quoted("/tmp/my firm's"), r"'/tmp/my firm'\''s'");
    }
}
