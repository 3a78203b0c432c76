//! The rules for accounts and contacts.

use std::sync::Arc;

use argon2::password_hash::PasswordHash;
use zeroize::Zeroizing;

use super::draft::Draft;
use super::words::{self, quoted};
use super::{Account, AccountKey, Contact, ContactChange, Error, NewContact, Party, Restriction, ssh_key};
use crate::names::{AccountId, ContactId, Role, Timestamp};

/// How many accounts a firm may have; the snapshot holds all of them in memory.
const MAX_ACCOUNTS: usize = 200_000;
const MAX_CONTACTS: usize = 200_000;
/// How many SSH keys an account may have.
const MAX_KEYS: usize = 32;
/// The longest password hash, in bytes, as a PHC string.
const MAX_PHC_BYTES: usize = 512;

impl Draft<'_> {
    pub(super) fn add_contact(&mut self, new: NewContact) -> Result<Arc<Contact>, Error> {
        bounded(self.firm().counts().contacts, MAX_CONTACTS, "contacts")?;
        let name = words::title("contact", &new.name)?;
        let email = new.email.as_deref().map(words::email).transpose()?;
        Ok(self.put_contact(Contact { id: ContactId::random(), name, email, created: Timestamp::now() }))
    }

    /// Gives a contact another name or address. Where the address opens an account, the login changes with it and sessions
    /// opened before end.
    ///
    /// # Errors
    /// [`Error::SharedAddress`] if the contact has an account and others have the address.
    pub(super) fn change_contact(&mut self, id: ContactId, change: ContactChange) -> Result<Arc<Contact>, Error> {
        let before = self.firm().contact(id).cloned();
        let before = before.ok_or_else(|| Error::NotFound("there is no such contact".to_owned()))?;
        let mut after = Contact::clone(&before);
        if let Some(name) = change.name {
            after.name = words::title("contact", &name)?;
        }
        if let Some(email) = change.email {
            after.email = Some(words::email(&email)?);
        }
        if after == *before {
            return Ok(before);
        }
        let account = self.firm().account_of(Party::Contact(id)).cloned();
        if let (Some(account), Some(address)) =
            (account, after.email.clone().filter(|new| before.email.as_ref() != Some(new)))
        {
            self.change_login(&account, &before, &address)?;
        }
        Ok(self.put_contact(after))
    }

    fn change_login(&mut self, account: &Account, contact: &Arc<Contact>, address: &str) -> Result<(), Error> {
        let mut contacts = self.firm().contacts_by_email(address);
        if !contacts.is_empty() {
            contacts.insert(0, contact.clone());
            return Err(Error::SharedAddress { address: address.to_owned(), contacts });
        }
        if let Some(other) = self.firm().account_by_login(address) {
            return Err(Error::Exists(format!("{address} is the login of an account with the role {}", other.role)));
        }
        let mut account = Account::clone(account);
        account.login = address.to_owned();
        account.credentials += 1;
        // A link that went to the old address shows nothing about the new one.
        self.remove_links(account.id, |_| true);
        self.put_account(account);
        Ok(())
    }

    pub(super) fn add_device(&mut self, login: &str) -> Result<Arc<Account>, Error> {
        self.add_account(login, Role::Device, None)
    }

    pub(super) fn add_staff(&mut self, login: &str, role: Role) -> Result<Arc<Account>, Error> {
        of_the_firm(role)?;
        self.add_account(login, role, None)
    }

    pub(super) fn set_role(&mut self, login: &str, role: Role) -> Result<Arc<Account>, Error> {
        of_the_firm(role)?;
        let mut account = self.account(login)?;
        if of_the_firm(account.role).is_err() {
            let (login, role) = (&account.login, account.role);
            return Err(Error::Refused(format!("{login} is an account with the role {role}, which it keeps")));
        }
        if account.role == role {
            return Ok(Arc::new(account));
        }
        account.role = role;
        account.credentials += 1;
        Ok(self.put_account(account))
    }

    /// Whoever administers the firm by an account keeps that account, so that one administrator is left whatever they do to
    /// the others. The operator at the console is no account, and may do it to all.
    pub(super) fn locks_nobody_out(&self, by: AccountId, login: &str) -> Result<(), Error> {
        let Some(acting) = self.firm().account(by) else { return Ok(()) };
        if self.account(login)?.id == by {
            let what = "your own account stays as it is, or nobody might be left who administers the firm";
            return Err(Error::Refused(format!("{what}; have another administrator do it")));
        }
        // Two who do it to each other at one time: the second one is none any more.
        if !acting.enabled || acting.role != Role::Admin {
            return Err(Error::Refused("your account does not administer the firm any more".to_owned()));
        }
        Ok(())
    }

    /// A new account without credentials.
    pub(super) fn add_account(
        &mut self,
        login: &str,
        role: Role,
        contact: Option<ContactId>,
    ) -> Result<Arc<Account>, Error> {
        bounded(self.firm().counts().accounts, MAX_ACCOUNTS, "accounts")?;
        let login = words::login(login)?;
        if let Some(other) = self.firm().account_by_login(&login) {
            let other_role = other.role;
            return Err(Error::Exists(format!("there is an account {login} already, with the role {other_role}")));
        }
        Ok(self.put_account(Account {
            id: AccountId::random(),
            login,
            role,
            contact,
            password: None,
            keys: Vec::new(),
            second_factor: None,
            device_passwords: Vec::new(),
            enabled: true,
            credentials: 0,
            created: Timestamp::now(),
            quota: None,
            restriction: Restriction::default(),
            receipts: false,
        }))
    }

    pub(super) fn set_password(&mut self, login: &str, phc: Zeroizing<String>) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        // Only the form is checked: the gate makes the hash and verifies with it. The text is never quoted back.
        if phc.len() > MAX_PHC_BYTES || PasswordHash::new(&phc).is_err() {
            return Err(Error::Invalid("the password's hash is no PHC string".to_owned()));
        }
        account.password = Some(phc);
        account.credentials += 1;
        Ok(self.put_account(account))
    }

    pub(super) fn add_key(&mut self, login: &str, openssh_text: &str) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        let (blob, text) = ssh_key::parse(openssh_text)?;
        if account.keys.iter().any(|key| key.blob == blob) {
            return Err(Error::Exists(format!("{} has this SSH key already", account.login)));
        }
        bounded(account.keys.len(), MAX_KEYS, "SSH keys of one account")?;
        account.credentials += 1;
        self.put_ssh_key(&mut account, AccountKey { blob, text, added: Timestamp::now() });
        Ok(self.put_account(account))
    }

    /// Takes the SSH key with this fingerprint away; sessions that it opened end.
    pub(super) fn remove_key(&mut self, login: &str, fingerprint: &str) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        let found = account.keys.iter().position(|key| key.fingerprint() == fingerprint.trim());
        let at = found.ok_or_else(|| {
            Error::NotFound(format!(
                "{} has no SSH key {}; `account key list` names all",
                account.login,
                quoted(fingerprint)
            ))
        })?;
        let removed = account.keys.remove(at);
        self.delete_ssh_key(account.id, &removed);
        Ok(self.put_account(account))
    }

    pub(super) fn set_enabled(&mut self, login: &str, enabled: bool) -> Result<Arc<Account>, Error> {
        let mut account = self.account(login)?;
        if account.enabled != enabled {
            account.enabled = enabled;
            account.credentials += 1;
            return Ok(self.put_account(account));
        }
        Ok(Arc::new(account))
    }

    pub(super) fn account(&self, login: &str) -> Result<Account, Error> {
        let found = self.firm().account_by_login(login.trim());
        found.map(|account| Account::clone(account)).ok_or_else(|| {
            Error::NotFound(format!("there is no account {}; `account list` names all", quoted(login.trim())))
        })
    }
}

/// Refuses roles that members of the firm do not have.
fn of_the_firm(role: Role) -> Result<(), Error> {
    match role {
        Role::Staff | Role::Admin | Role::Auditor => Ok(()),
        Role::Participant | Role::Device => Err(Error::Invalid(format!(
            "{role} is no role of staff: use staff, admin or auditor, and add participants and devices as such"
        ))),
    }
}

/// Refuses one more of what is bounded.
pub(super) fn bounded(count: usize, limit: usize, what: &str) -> Result<(), Error> {
    if count < limit {
        return Ok(());
    }
    Err(Error::Full(format!("the limit of {limit} {what} is reached")))
}
