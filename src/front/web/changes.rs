//! Making a folder, renaming, deleting.

use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::form::{Nothing, Posted};
use super::frame::Notice;
use super::person::Person;
use super::status::Failure;
use super::urls::{self, At};
use crate::names::{DocName, DocPath};
use crate::vfs::{Error, Replace};

#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

/// A folder in the one that the URL names.
pub(super) async fn make_folder(At(folder): At, posted: Posted<Named>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let path = inside(&folder, &form.name)?;
    person.view().make_folder(&path).await?;
    Ok(back(&person, &folder, format!("The folder {} has been made.", form.name.trim())))
}

/// Another name in the same folder.
pub(super) async fn rename(At(from): At, posted: Posted<Named>) -> Result<Response, Failure> {
    let Posted { person, form } = posted;
    let (folder, old) = from.split_last().ok_or_else(Failure::not_found)?;
    let to = inside(&folder, &form.name)?;
    person.view().rename(&from, &to, Replace::No).await?;
    Ok(back(&person, &folder, format!("{old} is now {}.", form.name.trim())))
}

/// A document with its history, or an empty folder.
pub(super) async fn delete(At(path): At, posted: Posted<Nothing>) -> Result<Response, Failure> {
    let person = posted.person;
    let (folder, name) = path.split_last().ok_or_else(Failure::not_found)?;
    let view = person.view();
    match view.remove_document(&path).await {
        Err(Error::IsFolder) => view.remove_folder(&path).await?,
        done => done?,
    }
    Ok(back(&person, &folder, format!("{name} has been deleted.")))
}

fn inside(folder: &DocPath, name: &str) -> Result<DocPath, Failure> {
    let refused = |why| Failure::bad(format!("This cannot be a name: {why}."));
    let name = DocName::parse(name.trim().as_bytes()).map_err(refused)?;
    folder.clone().join(name).map_err(refused)
}

fn back(person: &Person, folder: &DocPath, told: String) -> Response {
    person.guest.tell(Notice::Done(told));
    Redirect::to(&urls::folder(folder)).into_response()
}
