//! Content types by file extension; what is not listed is bytes.

use crate::names::DocName;

/// Extensions and their media types, for the documents of a law firm.
const TYPES: &[(&str, &str)] = &[
    ("7z", "application/x-7z-compressed"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docm", "application/vnd.ms-word.document.macroEnabled.12"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"),
    ("eml", "message/rfc822"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("msg", "application/vnd.ms-outlook"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("p7m", "application/pkcs7-mime"),
    ("p7s", "application/pkcs7-signature"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// The media type of a document of this name.
pub(super) fn type_of(name: Option<&DocName>) -> &'static str {
    const BYTES: &str = "application/octet-stream";
    let Some((_, extension)) = name.and_then(|name| name.as_str().rsplit_once('.')) else { return BYTES };
    let extension = extension.to_ascii_lowercase();
    match TYPES.binary_search_by(|(known, _)| known.cmp(&extension.as_str())) {
        Ok(at) => TYPES[at].1,
        Err(_) => BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_extension_whatever_its_case() {
        assert!(TYPES.is_sorted());
        let of = |name: &str| type_of(DocName::parse(name.as_bytes()).ok().as_ref());
        assert_eq!(of("Deed.PDF"), "application/pdf");
        assert_eq!(of("a.b.docx"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
        assert_eq!(of("pdf"), "application/octet-stream");
        assert_eq!(of("a.unknown"), "application/octet-stream");
        assert_eq!(type_of(None), "application/octet-stream");
    }
}
