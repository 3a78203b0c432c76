//! What mail needs of the disk: the relay's authorities and password, the firm's own templates.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::config::{Mail, RelayTls, Settings};
use crate::notify::{Files, MAX_TEMPLATE_BYTES, Means, template_names};

/// A bundle of every authority there is takes a quarter of a MiB.
const MAX_AUTHORITIES_BYTES: u64 = 8 << 20;
/// With what each begins (RFC 7468 section 5).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
const MAX_PASSWORD_BYTES: u64 = 4096;

/// The means to send mail, if it is switched on.
///
/// # Errors
/// Every mistake, one a line.
pub(crate) fn read_means(settings: &Settings) -> Result<Option<Means>, Vec<String>> {
    let Some(mail) = &settings.mail else { return Ok(None) };
    let files = read_files(mail)?;
    let means = Means::new(&settings.firm, &settings.time_zone, mail, files);
    means.map(Some).map_err(|wrong| wrong.into_iter().map(|why| format!("mail: {why}")).collect())
}

fn read_files(mail: &Mail) -> Result<Files, Vec<String>> {
    let mut wrong = Vec::new();
    let mut files = Files::default();
    if mail.relay.tls != RelayTls::None {
        match read(&mail.relay.authorities, MAX_AUTHORITIES_BYTES) {
            Ok(bytes) if !bytes.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) => {
                wrong.push(format!("mail.ca: {} holds no certificate", mail.relay.authorities.display()));
            }
            Ok(bytes) => files.authorities = bytes.to_vec(),
            Err(why) => wrong.push(told("mail.ca", &mail.relay.authorities, &why)),
        }
    }
    if let Some((_, file)) = &mail.relay.login {
        match read_password(file) {
            Ok(password) => files.password = Some(password),
            Err(why) => wrong.push(told("mail.password_file", file, &why)),
        }
    }
    if let Some(folder) = &mail.templates {
        if let Err(why) = std::fs::read_dir(folder) {
            wrong.push(told("mail.templates", folder, &why));
        }
        for name in template_names() {
            let path = folder.join(name);
            let text = read(&path, MAX_TEMPLATE_BYTES).and_then(|bytes| {
                String::from_utf8(bytes.to_vec()).map_err(|_| io::Error::other("this is no text in UTF-8"))
            });
            match text {
                Ok(text) => files.templates.push((name.to_owned(), text)),
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => wrong.push(told("mail.templates", &path, &why)),
            }
        }
    }
    if wrong.is_empty() { Ok(files) } else { Err(wrong) }
}

/// The first line of a file that is its owner's alone.
fn read_password(path: &Path) -> io::Result<Zeroizing<String>> {
    if std::fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other(format!("other users can get at it; `chmod go= {}`", path.display())));
    }
    let bytes = read(path, MAX_PASSWORD_BYTES)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::other("this is no text in UTF-8"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        _ => Err(io::Error::other("it is empty")),
    }
}

fn read(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("longer than {} KiB: this is some other file", most >> 10)));
    }
    Ok(bytes)
}

fn told(setting: &str, path: &Path, why: &io::Error) -> String {
    format!("{setting}: cannot read {}: {why}", path.display())
}
