//! A document or folder that people made in a matter, as the command line names it.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::problem::Problem;
use crate::names::{DocPath, DocumentTarget};
use crate::practice::Matter;
use crate::vfs::{Error, Vfs};

/// Something in a matter.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The matter's number
    #[arg(long, value_name = "NUMBER")]
    matter: String,
    /// The path within the matter, for instance Documents/From us/Contract.pdf
    #[arg(value_name = "PATH")]
    path: String,
}

/// The matter, and what stands at the path in it. Looked up with a permit of its own: who looks for a document by its path
/// asks whether it exists.
pub(super) async fn find(
    operator: &Operator<'_>,
    action: &str,
    stored: &Stored,
) -> Result<(Arc<Matter>, DocumentTarget), Problem> {
    let matter = operator.matter(&stored.matter)?;
    let path = DocPath::parse(format!("/{}", stored.path.trim_matches('/')).as_bytes()).map_err(Problem::usage)?;
    let (number, shown) = (matter.number.clone(), stored.path.clone());
    let what = matter.clone();
    let subject = format!("{number}: {shown}");
    let look = move |vfs: &Vfs, permit: &_| match vfs.locate(permit, &what, &path) {
        Ok(found) => Ok(Ok(found)),
        Err(Error::NotFound) => Ok(Err(format!("matter {number} has nothing at {shown:?}; `document list` names all"))),
        Err(Error::Structure) => Ok(Err(format!(
            "{shown:?} is a folder of the matter type; its rights are changed there, with `matter-type apply`"
        ))),
        Err(other) => Err(other),
    };
    let found = operator.inspect((&format!("{action}, find"), &subject, Some(matter.id)), look).await?;
    Ok((matter, found.map_err(Problem::failed)?))
}
