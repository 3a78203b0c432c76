//! Receipts for what came into drop boxes, written for the accounts that want some.

use serde::Serialize;

use super::{Error, Vfs};
use crate::gate::{Expire, GiveReceipt};
use crate::names::{DocName, DocPath, ExpiredTarget, Timestamp};
use crate::vault::{Entry, Held, Owed, Receipt};

/// What became of a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate<'a> {
    /// It was delivered: by which rule, if by one, and where to.
    Delivered(Option<&'a str>, &'a DocPath),
    /// It waits for a person, and why.
    Quarantined(&'a str),
    /// The same content was there.
    Duplicate(&'a DocPath),
}

#[derive(Serialize)]
struct Text<'a> {
    name: &'a str,
    sha256: String,
    bytes: u64,
    arrived: String,
    time: String,
    result: &'static str,
    rule: Option<&'a str>,
    destination: Option<String>,
    reason: Option<&'a str>,
}

impl Vfs {
    /// The receipt for a document, if the account that brought it gets some.
    pub(super) fn receipt(&self, held: &Held, entry: &Entry, fate: Fate<'_>) -> Option<Receipt> {
        let firm = self.gate.practice().firm();
        let blob = entry.content.filter(|_| firm.account(held.account).is_some_and(|account| account.receipts))?.blob;
        let (result, rule, destination, reason) = match fate {
            Fate::Delivered(rule, path) => ("delivered", rule, Some(path), None),
            Fate::Quarantined(why) => ("quarantined", None, None, Some(why)),
            Fate::Duplicate(path) => ("duplicate", None, Some(path), None),
        };
        let text = Text {
            name: held.sent.as_str(),
            sha256: hex::encode(blob.sha256),
            bytes: blob.size,
            arrived: held.arrived.to_string(),
            time: Timestamp::now().to_string(),
            result,
            rule,
            destination: destination.map(ToString::to_string),
            reason,
        };
        let name = DocName::parse(format!("{}.receipt.json", held.sent).as_bytes()).ok()?;
        let text = serde_json::to_string_pretty(&text).ok()?;
        Some(Receipt { name, text: text + "\n" })
    }

    /// Makes documents of the receipts that are not there yet.
    pub async fn hand_out_receipts(&self) -> Result<(), Error> {
        for owed in self.on_vault(|vault| Ok(vault.owed()?)).await? {
            self.hand_out(&owed).await?;
        }
        Ok(())
    }

    async fn hand_out(&self, owed: &Owed) -> Result<(), Error> {
        let target = owed.target();
        let (account, folder, name, matter) = (target.account, target.folder, target.name.clone(), Some(target.matter));
        let before = self.vault.find_for(account, folder, &name)?;
        if let Some(before) = before.filter(|before| before.transient && before.made_by == account) {
            // The newest one counts.
            let over = ExpiredTarget { matter, folder, name, account, node: before.node };
            let permit = self.gate.permit_service::<Expire>(over).await?;
            self.on_vault(move |vault| Ok(vault.expire(permit)?)).await?;
        }
        let permit = self.gate.permit_service::<GiveReceipt>(target).await?;
        let gate = self.gate.clone();
        self.on_vault(move |vault| {
            let Some(written) = vault.write_receipt(&permit)? else { return Ok(()) };
            let confirmation = gate.confirm_service(&permit, written.detail())?.wait()?;
            Ok(vault.give_receipt(permit, written, &confirmation)?)
        })
        .await
    }
}
