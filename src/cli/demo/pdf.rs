//! Small PDF files, written by hand: one page, one font, lines of text (ISO 32000-1, sections 7.5 and 9).

/// A one-page A4 document with a heading and lines. Text outside of Latin-1 becomes `?`.
pub(super) fn page(heading: &str, lines: &[&str]) -> Vec<u8> {
    let mut content = format!("BT /F1 20 Tf 72 760 Td {} Tj /F1 12 Tf 0 -36 Td 18 TL\n", literal(heading));
    for line in lines {
        content.push_str(&format!("{} Tj T*\n", literal(line)));
    }
    content.push_str("ET\n");
    let content = latin1(&content);
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    let objects: [Vec<u8>; 5] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_vec(),
        [format!("<< /Length {} >>\nstream\n", content.len()).as_bytes(), &content, b"endstream"].concat(),
        font.as_bytes().to_vec(),
    ];
    // The comment's high bytes tell transfer programs that the file is binary (section 7.5.2).
    let mut file = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n", number + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let table = file.len();
    // Section 7.5.4: each entry of the cross-reference table has exactly 20 bytes.
    file.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        file.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let size = objects.len() + 1;
    file.extend_from_slice(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    file
}

fn literal(text: &str) -> String {
    format!("({})", text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)"))
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cross_reference_table_points_at_its_objects() {
        let file = page("Completion (draft)", &["12 High Street \\ £"]);
        let text: String = file.iter().map(|b| char::from(*b)).collect();
        let table: usize = {
            let after = text.split("startxref\n").nth(1).expect("a trailer");
            after.lines().next().expect("a line").parse().expect("a number")
        };
        assert!(text[table_chars(&text, table)..].starts_with("xref\n"));
        let entries = file[table..].split(|b| *b == b'\n').skip(3).take(5);
        for (number, entry) in entries.enumerate() {
            let offset: usize = String::from_utf8_lossy(&entry[..10]).parse().expect("an offset");
            assert!(file[offset..].starts_with(format!("{} 0 obj", number + 1).as_bytes()));
        }
        assert!(text.contains(r"(Completion \(draft\))"));
    }

    /// Byte offset in the widened text: characters above ASCII take two bytes there.
    fn table_chars(text: &str, bytes: usize) -> usize {
        text.char_indices().nth(bytes).map_or(text.len(), |(at, _)| at)
    }
}
