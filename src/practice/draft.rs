//! A change in the making: the snapshot as it will be, and the writes that make it so, kept in step.

use std::sync::Arc;

use super::account_records::{
    AccountRecord, DevicePasswordRecord, KeyRecord, LinkRecord, SecondFactorRecord, account_key, device_password_key,
    link_key, second_factor_key, ssh_key_key,
};
use super::api_tokens::{ApiToken, ApiTokenRecord, api_token_key};
use super::own_rules::OwnRule;
use super::records::{
    ContactRecord, EPOCH, FormerFolderRecord, MatterRecord, OwnRuleRecord, ParticipantRecord, QUOTA, SWITCHES,
    SwitchesRecord, TypeFolderRecord, TypeRecord, contact_key, former_folder_key, matter_key, own_rule_key,
    participant_key, type_folder_key, type_key,
};
use super::{
    Account, AccountKey, Contact, DevicePassword, Error, Firm, Link, Matter, MatterType, Participant, Switches,
};
use crate::kv::{self, Change, SealedStore};
use crate::names::{AccountId, Bytes, MatterId, NodeId};
use crate::outbox::{self, Letter};

/// Rules read [`Draft::firm`] and write through the `put_` methods, which change the snapshot and the batch together.
pub(super) struct Draft<'s> {
    firm: Firm,
    change: Change<'s>,
    changed: bool,
}

impl<'s> Draft<'s> {
    pub(super) fn new(firm: &Firm, store: &'s SealedStore) -> Self {
        Self { firm: firm.clone(), change: store.change(), changed: false }
    }

    /// The firm with what this draft changed so far.
    pub(super) fn firm(&self) -> &Firm {
        &self.firm
    }

    /// Makes the change durable. Answers the new snapshot, or nothing if nothing was changed.
    pub(super) fn commit(mut self, store: &SealedStore) -> Result<Option<Firm>, Error> {
        if !self.changed {
            return Ok(None);
        }
        // Whoever else changes the firm's records replaces the epoch too, so that no decision outlives what it was based on.
        match store.get::<u64>(EPOCH)? {
            Some(epoch) if epoch.value == self.firm.epoch => drop(self.change.if_unchanged(&epoch)),
            None if self.firm.epoch == 0 => drop(self.change.if_absent(EPOCH)),
            _ => return Err(kv::Error::Conflict.into()),
        }
        self.firm.epoch += 1;
        self.change.put(EPOCH, &self.firm.epoch).commit()?;
        Ok(Some(self.firm))
    }

    pub(super) fn put_account(&mut self, account: Account) -> Arc<Account> {
        let account = Arc::new(account);
        self.write().put(&account_key(account.id), &AccountRecord::from(&*account));
        self.firm.insert_account(account.clone());
        account
    }

    /// Adds the key to the account, which the caller puts too.
    pub(super) fn put_ssh_key(&mut self, account: &mut Account, key: AccountKey) {
        let record = KeyRecord { text: key.text.clone(), added: key.added };
        self.write().put(&ssh_key_key(account.id, &key.blob), &record);
        account.keys.push(key);
    }

    pub(super) fn delete_ssh_key(&mut self, account: AccountId, key: &AccountKey) {
        self.write().delete(&ssh_key_key(account, &key.blob));
    }

    /// The account with its second factor, or without one.
    pub(super) fn put_second_factor(&mut self, account: Account) -> Arc<Account> {
        let key = second_factor_key(account.id);
        match &account.second_factor {
            Some(factor) => self.write().put(&key, &SecondFactorRecord::from(factor)),
            None => self.write().delete(&key),
        };
        self.put_account(account)
    }

    /// Adds the device password to the account, which the caller puts too.
    pub(super) fn put_device_password(&mut self, account: &mut Account, one: DevicePassword) {
        self.write().put(&device_password_key(account.id, &one.digest), &DevicePasswordRecord::from(&one));
        account.device_passwords.push(one);
        account.device_passwords.sort_by(|a, b| a.name.cmp(&b.name));
    }

    pub(super) fn delete_device_password(&mut self, account: AccountId, one: &DevicePassword) {
        self.write().delete(&device_password_key(account, &one.digest));
    }

    /// Has a letter mailed as soon as the change is durable.
    pub(super) fn send(&mut self, letter: Letter) {
        outbox::put(self.write(), letter);
    }

    pub(super) fn insert_link(&mut self, link: Link) {
        let link = Arc::new(link);
        self.write().put(&link_key(link.account, &link.digest), &LinkRecord::from(&*link));
        self.firm.insert_link(link);
    }

    pub(super) fn delete_link(&mut self, link: &Link) {
        self.write().delete(&link_key(link.account, &link.digest));
        self.firm.remove_link(link);
    }

    pub(super) fn insert_api_token(&mut self, token: Arc<ApiToken>) {
        self.write().put(&api_token_key(token.account, &token.digest), &ApiTokenRecord::from(&*token));
        self.firm.insert_api_token(token);
    }

    pub(super) fn delete_api_token(&mut self, token: &ApiToken) {
        self.write().delete(&api_token_key(token.account, &token.digest));
        self.firm.remove_api_token(&token.digest);
    }

    pub(super) fn put_contact(&mut self, contact: Contact) -> Arc<Contact> {
        let contact = Arc::new(contact);
        self.write().put(&contact_key(contact.id), &ContactRecord::from(&*contact));
        self.firm.insert_contact(contact.clone());
        contact
    }

    pub(super) fn put_matter(&mut self, matter: Matter) -> Arc<Matter> {
        let (before, matter) = (self.firm.matter(matter.id).cloned(), Arc::new(matter));
        self.write().put(&matter_key(matter.id), &MatterRecord::from(&*matter));
        for (node, path) in matter.former_folders() {
            self.write().put(&former_folder_key(matter.id, node), &FormerFolderRecord { path: path.clone() });
        }
        // A folder that the type has again is no former one any more.
        let gone = before.iter().flat_map(|before| before.former_folders());
        for (node, _) in gone.filter(|(node, _)| matter.former_folders().all(|(other, _)| other != *node)) {
            self.write().delete(&former_folder_key(matter.id, node));
        }
        self.firm.insert_matter(matter.clone());
        matter
    }

    /// Writes the rule; the matter that has it is put by the caller.
    pub(super) fn put_own_rule(&mut self, matter: MatterId, rule: &OwnRule) {
        self.write().put(&own_rule_key(matter, rule.node), &OwnRuleRecord::from(rule));
    }

    pub(super) fn delete_own_rule(&mut self, matter: MatterId, node: NodeId) {
        self.write().delete(&own_rule_key(matter, node));
    }

    pub(super) fn put_switches(&mut self, switches: Switches) {
        self.write().put(SWITCHES, &SwitchesRecord::from(&switches));
        self.firm.set_switches(switches);
    }

    pub(super) fn put_quota(&mut self, quota: Option<Bytes>) {
        match &quota {
            Some(bytes) => self.write().put(QUOTA, bytes),
            None => self.write().delete(QUOTA),
        };
        self.firm.set_quota(quota);
    }

    pub(super) fn put_participant(&mut self, one: Participant) -> Arc<Participant> {
        let one = Arc::new(one);
        self.write().put(&participant_key(one.matter, one.party), &ParticipantRecord::from(&*one));
        self.firm.insert_participant(one.clone());
        one
    }

    pub(super) fn delete_participant(&mut self, one: &Participant) {
        self.write().delete(&participant_key(one.matter, one.party));
        self.firm.remove_participant(one.matter, one.party);
    }

    pub(super) fn put_type(&mut self, kind: MatterType) -> Arc<MatterType> {
        let kind = Arc::new(kind);
        let change = self.write();
        change.put(&type_key(kind.id, kind.version), &TypeRecord::from(&*kind));
        for (at, folder) in (0u16..).zip(kind.spec.folders()) {
            change.put(&type_folder_key(kind.id, kind.version, at), &TypeFolderRecord::from(folder));
        }
        self.firm.insert_type(kind.clone());
        kind
    }

    /// Removes a version that no matter has.
    pub(super) fn remove_type(&mut self, kind: &MatterType) {
        let change = self.write();
        change.delete(&type_key(kind.id, kind.version));
        for (at, _) in (0u16..).zip(kind.spec.folders()) {
            change.delete(&type_folder_key(kind.id, kind.version, at));
        }
        self.firm.remove_type(kind.id, kind.version);
    }

    fn write(&mut self) -> &mut Change<'s> {
        self.changed = true;
        &mut self.change
    }
}
