//! `deedbox account receipts`: whether a login gets receipts for what it puts into drop boxes.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use super::reply::Reply;
use super::switch::OnOff;
use crate::practice::Practice;

/// Let a login read back what became of each document that it has put into a drop box
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(after_help = "Example: deedbox account receipts scanner.one on --data /srv/deedbox\n\n\
                        Beside `scan.pdf` it then finds, for a day, `scan.pdf.receipt.json`: hash, times, rule and \
                        destination, or why the document waits for a person.")]
pub(crate) struct Receipts {
    /// The login
    login: String,
    /// On or off
    switch: OnOff,
}

impl Receipts {
    pub(super) async fn run(self, operator: &Operator<'_>) -> Result<Reply, Problem> {
        let login = operator.account(&self.login)?.login.clone();
        let (is_on, name) = (self.switch == OnOff::On, login.clone());
        let subject = format!("{login}: {}", self.switch.as_str());
        let set = move |practice: &Practice, permit| practice.set_receipts(permit, &name, is_on);
        operator.change(("account receipts", &subject, None), set).await?;
        let gets = if is_on { "gets" } else { "gets no" };
        let text = format!("{login} {gets} receipts for what it puts into drop boxes.\n");
        Reply::new(&serde_json::json!({ "login": login, "receipts": is_on }), text)
    }
}
