//! MKCOL (RFC 4918 section 9.3).

use hyper::StatusCode;

use super::guard::Guarded;
use super::status::{Act, Refusal};
use crate::front::http_answer::{Body, Response, empty};
use crate::front::http_upload::Upload;
use crate::names::DocPath;
use crate::vfs::{Error, View};

/// The MKCOL method.
pub(super) async fn make(
    view: View,
    path: DocPath,
    guarded: &Guarded,
    upload: &mut Upload,
) -> Result<Response<Body>, Refusal> {
    if upload.next().await?.is_some() {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "MKCOL takes no body"));
    }
    if path.is_root() {
        return Err(Refusal::tree(&Error::Exists, Act::MakeFolder));
    }
    guarded.check(&view, &path, Act::MakeFolder).await?;
    view.make_folder(&path).await.map_err(|error| Refusal::tree(&error, Act::MakeFolder))?;
    Ok(empty(StatusCode::CREATED))
}
