//! Whether a PDF arrived whole, by its two ends (ISO 32000-1, 7.5): a header near its start, and at its end the place of a
//! cross-reference that is there, with a trailer. A file that was cut lacks them, since they are written last.

use crate::names::DocName;

/// The header may stand behind other bytes (Annex H, note 13, of PDF 1.7: within the first 1024).
const HEAD: usize = 1024;
/// What is read of the end, and from where the cross-reference is said to be.
const PIECE: usize = 64 * 1024;

/// What a PDF lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// `%PDF-`.
    #[error("this is named as a PDF and has no PDF header near its start")]
    NoHeader,
    /// `%%EOF`, with nothing but white space behind it.
    #[error("this PDF does not end with %%EOF: it was cut, or something follows")]
    NoEnd,
    /// `startxref` and a number before that.
    #[error("this PDF does not say at its end where its cross-reference is")]
    NoStart,
    /// A cross-reference where that number says.
    #[error("this PDF has no cross-reference where it says")]
    NoCrossReference,
    /// `trailer`, where the cross-reference is a table.
    #[error("this PDF has no trailer")]
    NoTrailer,
}

/// Is a document complete, as far as its format tells? What is no PDF is taken to be. `read` gives some bytes from an offset on,
/// none only at the end.
///
/// # Errors
/// If the content cannot be read.
pub fn complete<E>(
    name: &DocName,
    length: u64,
    read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
) -> Result<Result<(), Broken>, E> {
    let mut document = Document { length, read };
    let head = document.piece(0, HEAD)?;
    let named = name.stem_and_extension().1.eq_ignore_ascii_case(".pdf");
    if !named && !head.starts_with(b"%PDF-") {
        return Ok(Ok(()));
    }
    let Some(header) = find(&head, b"%PDF-") else { return Ok(Err(Broken::NoHeader)) };
    let tail = document.piece(length.saturating_sub(PIECE as u64), PIECE)?;
    let (before, said) = match end(&tail) {
        Ok(end) => end,
        Err(broken) => return Ok(Err(broken)),
    };
    // Behind other bytes, offsets count from the file's start or from the header.
    for at in [Some(said), said.checked_add(header as u64)].into_iter().flatten() {
        let there = document.piece(at, PIECE)?;
        if there.starts_with(b"xref") {
            // The table's own trailer, or in a linearised file that of the last part.
            let trailer = find(before, b"trailer").or_else(|| find(&there, b"trailer"));
            return Ok(trailer.map(drop).ok_or(Broken::NoTrailer));
        }
        if is_cross_reference_stream(&there) {
            return Ok(Ok(()));
        }
    }
    Ok(Err(Broken::NoCrossReference))
}

struct Document<R> {
    length: u64,
    read: R,
}

impl<E, R: FnMut(u64, &mut [u8]) -> Result<usize, E>> Document<R> {
    /// As many bytes as there are from an offset on, and no more than `most`.
    fn piece(&mut self, at: u64, most: usize) -> Result<Vec<u8>, E> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(most)];
        let mut filled = 0;
        while filled < piece.len() {
            match (self.read)(at + filled as u64, &mut piece[filled..])? {
                0 => break,
                count => filled = (filled + count).min(piece.len()),
            }
        }
        piece.truncate(filled);
        Ok(piece)
    }
}

/// What stands before the last `startxref`, and the number behind it.
fn end(tail: &[u8]) -> Result<(&[u8], u64), Broken> {
    let tail = trim_end(tail).strip_suffix(b"%%EOF").ok_or(Broken::NoEnd)?;
    let at = find_last(tail, b"startxref").ok_or(Broken::NoStart)?;
    let (before, said) = (&tail[..at], &tail[at + b"startxref".len()..]);
    let number = std::str::from_utf8(trim_end(trim_start(said))).ok();
    let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    Ok((before, number.and_then(|number| number.parse().ok()).ok_or(Broken::NoStart)?))
}

/// `12 0 obj`, whose dictionary says that it is one (7.5.8).
fn is_cross_reference_stream(there: &[u8]) -> bool {
    let object = after_number(there).and_then(after_number);
    object.is_some_and(|rest| rest.starts_with(b"obj") && find(rest, b"/XRef").is_some())
}

fn after_number(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| trim_start(&text[digits..]))
}

/// White space of PDF: table 1 of 7.2.2.
fn is_white(byte: &u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| is_white(byte)).count()..]
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() - bytes.iter().rev().take_while(|byte| is_white(byte)).count()]
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn find_last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// A document of some pages that hold nothing but bytes, with a table or a stream at its end.
    fn whole(streams: &[Vec<u8>], table: bool) -> Vec<u8> {
        let mut file = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n".to_vec();
        for (number, stream) in streams.iter().enumerate() {
            let head = format!("{} 0 obj\n<< /Length {} >>\nstream\n", number + 2, stream.len());
            file.extend([head.as_bytes(), stream, b"\nendstream\nendobj\n"].concat());
        }
        let start = file.len();
        let cross_reference = if table {
            "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R >>\n"
        } else {
            "99 0 obj\n<< /Type /XRef /Size 1 /W [1 2 1] /Root 1 0 R /Length 4 >>\nstream\n0000\nendstream\nendobj\n"
        };
        file.extend(format!("{cross_reference}startxref\n{start}\n%%EOF\n").as_bytes());
        file
    }

    fn judged(name: &str, file: &[u8]) -> Result<(), Broken> {
        let name = DocName::parse(name.as_bytes()).expect("a name");
        let read = |at: u64, buffer: &mut [u8]| {
            assert!(buffer.len() <= PIECE, "pieces are bounded");
            let rest = usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default();
            // As a store may, less than was asked for.
            let count = rest.len().min(buffer.len()).min(1000);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok::<_, Infallible>(count)
        };
        complete(&name, file.len() as u64, read).expect("nothing fails")
    }

    fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
        let at = find_last(file, from.as_bytes()).expect("it is there");
        [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
    }

    #[test]
    fn a_pdf_is_complete_with_a_table_or_a_stream_and_white_space_behind_it() {
        for table in [true, false] {
            let file = whole(&[b"BT ET".to_vec(), vec![7; 200_000]], table);
            for end in ["", "\r\n", "\0\0\0 \n\x0c"] {
                assert_eq!(judged("scan.PDF", &[&file, end.as_bytes()].concat()), Ok(()));
            }
            // Offsets that count from the header, or from the file's start.
            assert_eq!(judged("scan.pdf", &[b"\xef\xbb\xbf", &file[..]].concat()), Ok(()));
            assert_eq!(judged("no-extension", &file), Ok(()));
        }
    }

    #[test]
    fn what_is_no_pdf_is_complete() {
        for (name, content) in
            [("scan.tif", &b"II*\0"[..]), ("a", b""), ("note.txt", b"It starts with %PDF- as a PDF.")]
        {
            assert_eq!(judged(name, content), Ok(()), "{name}");
        }
    }

    #[test]
    fn each_part_that_is_missing_is_told() {
        let file = whole(&[vec![b'x'; 3000]], true);
        let stream = whole(&[vec![b'x'; 3000]], false);
        let start = find(&file, b"xref\n0").expect("it is there").to_string();
        for (broken, why) in [
            (b"".to_vec(), Broken::NoHeader),
            (b"GIF89a".to_vec(), Broken::NoHeader),
            ([vec![b' '; HEAD], file.clone()].concat(), Broken::NoHeader),
            (b"%PDF-1.4\n".to_vec(), Broken::NoEnd),
            ([&file[..], b"and more"].concat(), Broken::NoEnd),
            ([file.clone(), vec![0; PIECE]].concat(), Broken::NoEnd),
            (replaced(&file, "startxref", "startxerf"), Broken::NoStart),
            (replaced(&file, &start, "-1"), Broken::NoStart),
            (replaced(&file, &start, ""), Broken::NoStart),
            (replaced(&file, &start, "99999999999999999999999999"), Broken::NoStart),
            (replaced(&file, &start, "18446744073709551615"), Broken::NoCrossReference),
            (replaced(&file, &start, "0"), Broken::NoCrossReference),
            (replaced(&file, &start, "9999999"), Broken::NoCrossReference),
            (replaced(&stream, "/XRef", "/Page"), Broken::NoCrossReference),
            (replaced(&file, "trailer", "tailer "), Broken::NoTrailer),
        ] {
            assert_eq!(judged("scan.pdf", &broken), Err(why), "{}", broken.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_pdf_that_was_cut_anywhere_is_broken(
            streams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 0..5),
            table: bool,
            cut: proptest::sample::Index,
        ) {
            let file = whole(&streams, table);
            prop_assert_eq!(judged("scan.pdf", &file), Ok(()));
            // What is cut behind %%EOF is whole.
            let cut = cut.index(file.len() - 1);
            prop_assert!(judged("scan.pdf", &file[..cut]).is_err(), "cut at {} of {}", cut, file.len());
        }

        #[test]
        fn no_content_is_read_beyond_its_end(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = judged("scan.pdf", &[b"%PDF-1.4\n", &content[..], b"startxref 5 %%EOF"].concat());
        }
    }
}
