//! The sample firm, made by the verbs that a firm's administrator uses, and by uploads of a member of staff.

use std::net::{IpAddr, Ipv4Addr};

use super::accounts::{Account, Accounts};
use super::pdf;
use crate::cli::operator::Operator;
use crate::cli::problem::{Doing as _, Problem};
use crate::cli::staff::{self, StaffRole};
use crate::cli::switch::OnOff;
use crate::cli::whom::Whom;
use crate::cli::{access, account, contact, device, firm, matter, matter_type, participant};
use crate::config::DataDir;
use crate::gate::Login;
use crate::names::{Area, DocPath, Front};
use crate::practice::{Access, Party};
use crate::vfs::{self, Existing, View, WriteOptions};

const GENERAL: &str = include_str!("../../../policies/general.toml");

const MATTERS: [(&str, &str); 2] = [("2026-0001", "Purchase of 12 High Street"), ("2026-0002", "Estate of A Testator")];

/// Matter, login (which is the contact's address), participant type.
const PARTICIPANTS: [(&str, &str, &str); 4] = [
    ("2026-0001", "client.one@example.com", "client"),
    ("2026-0001", "client.two@example.com", "client"),
    ("2026-0001", "expert.one@example.com", "expert"),
    ("2026-0002", "client.two@example.com", "client"),
];

/// Matter, name, heading and lines of the documents in `Documents/From us`.
const DOCUMENTS: [(&str, &str, &str, &[&str]); 4] = [
    (
        "2026-0001",
        "Report on title.pdf",
        "Report on title",
        &[
            "Property: 12 High Street",
            "The title is registered and free of mortgages.",
            "Please read section 3 on access.",
        ],
    ),
    (
        "2026-0001",
        "Draft contract.pdf",
        "Draft contract",
        &["Between: the seller and the buyer", "Price and completion date: to be agreed", "This draft binds nobody."],
    ),
    (
        "2026-0001",
        "Completion statement.pdf",
        "Completion statement",
        &["Purchase price", "Less: deposit paid", "Balance due on completion"],
    ),
    (
        "2026-0002",
        "Letter to the beneficiaries.pdf",
        "Estate of A Testator",
        &["We act for the executors.", "A list of assets and debts follows when it is complete."],
    ),
];

/// Makes what is not there yet. Run again after a crash in the middle, it goes on where it was.
pub(super) async fn set_up(
    operator: &Operator<'_>,
    mut all: Accounts,
    data: &DataDir,
) -> Result<Vec<Account>, Problem> {
    if all.complete {
        return Ok(all.accounts);
    }
    for area in [Area::Documents, Area::Invoices] {
        firm::Command::Area { area, switch: OnOff::On, yes: false }.run(operator).await?;
    }
    let text = GENERAL.to_owned();
    matter_type::Command::Apply { file: "policies/general.toml".into(), if_version: None, text }.run(operator).await?;
    for (number, name) in MATTERS {
        if operator.firm().matter_by_number(number).is_none() {
            let (number, name) = (number.to_owned(), name.to_owned());
            matter::Command::Add { number, name, matter_type: "General".to_owned(), owner: None }.run(operator).await?;
        }
    }
    for account in &all.accounts {
        make_login(operator, account).await?;
    }
    for (matter, email, participant_type) in PARTICIPANTS {
        join(operator, matter, email, participant_type).await?;
    }
    for account in &all.accounts {
        open_login(operator, account).await?;
    }
    let staff = all.accounts.iter().find(|account| account.role == "staff");
    if let Some(staff) = staff {
        upload_samples(operator, staff).await?;
    }
    all.complete = true;
    all.save(data)?;
    Ok(all.accounts)
}

/// The account, or the contact for whom access makes one.
async fn make_login(operator: &Operator<'_>, account: &Account) -> Result<(), Problem> {
    let firm = operator.firm();
    let login = account.login.clone();
    if firm.account_by_login(&login).is_some() || !firm.contacts_by_email(&login).is_empty() {
        return Ok(());
    }
    match account.role.as_str() {
        "staff" => drop(staff::Command::Add { login, role: StaffRole::Staff }.run(operator).await?),
        "admin" => drop(staff::Command::Add { login, role: StaffRole::Admin }.run(operator).await?),
        "device" => {
            let matter = vec!["2026-0001".to_owned()];
            let participant_type = "device".to_owned();
            drop(device::Command::Add { login, matter, participant_type }.run(operator).await?);
        }
        _ => {
            let name = name_of(&login);
            drop(contact::Command::Add { name, email: Some(login) }.run(operator).await?);
        }
    }
    Ok(())
}

/// `client.one@example.com` is Client One.
fn name_of(login: &str) -> String {
    let words = login.split('@').next().unwrap_or(login).split('.');
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    words.map(capital).collect::<Vec<_>>().join(" ")
}

async fn join(operator: &Operator<'_>, number: &str, email: &str, kind: &str) -> Result<(), Problem> {
    let (matter, contact) = (operator.matter(number)?, operator.contact(email)?);
    let present = operator.firm().participant(matter.id, Party::Contact(contact.id)).cloned();
    let whom = Whom { matter: number.to_owned(), contact: email.to_owned() };
    if present.is_none() {
        let participant_type = kind.to_owned();
        participant::Command::Add { whom: whom.clone(), participant_type }.run(operator).await?;
    }
    if present.is_none_or(|one| one.access != Access::Active) {
        access::Command::Grant { whom, no_download: false }.run(operator).await?;
    }
    Ok(())
}

/// Sets the password and the key that are written down.
async fn open_login(operator: &Operator<'_>, account: &Account) -> Result<(), Problem> {
    let login = account.login.clone();
    let password = Some(account.password.clone());
    account::Command::Password { login: login.clone(), stdin: false, password }.run(operator).await?;
    if operator.account(&login)?.keys.is_empty() {
        let file = account.private_key_file.with_extension("pub");
        let key = account.public_key()?;
        account::Command::Key(account::Key::Add { login, file, key }).run(operator).await?;
    }
    Ok(())
}

async fn upload_samples(operator: &Operator<'_>, staff: &Account) -> Result<(), Problem> {
    let core = operator.core();
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let login = core.gate().login_password(Front::Console.into(), here, &staff.login, staff.password.expose()).await;
    let Login::Done(session) = login.doing("log in as a member of staff")? else {
        return Err(Problem::failed("the sample member of staff has a second factor; upload the samples by hand"));
    };
    let view = core.vfs().view(&session);
    for (number, name, heading, lines) in DOCUMENTS {
        let folder = operator.matter(number)?.folder_name.clone();
        let path = format!("/{folder}/Documents/From us/{name}");
        let path = DocPath::parse(path.as_bytes()).doing("name a sample document")?;
        match upload(&view, &path, pdf::page(heading, lines)).await {
            Ok(()) | Err(vfs::Error::Exists) => {}
            Err(cause) => return Err(cause).doing(format_args!("upload {path}")),
        }
    }
    core.gate().logout(&session);
    Ok(())
}

async fn upload(view: &View, path: &DocPath, content: Vec<u8>) -> Result<(), vfs::Error> {
    let options = WriteOptions { create: true, existing: Existing::Refuse, expect_version: None };
    let writing = view.write(path, options).await?;
    writing.append(content.into()).await?;
    writing.commit().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_logins() {
        assert_eq!(name_of("client.one@example.com"), "Client One");
    }
}
