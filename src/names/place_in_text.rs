//! Where something stands in a text, as people count.

/// Line and column of a byte offset, both from 1, the column in characters. An offset that lies beyond the text or within a
/// character only moves the place shown.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(line_and_column("ä = 1\nöö = x", "ä = 1\nöö = ".len()), (2, 6));
        assert_eq!(line_and_column("", 10), (1, 1));
    }
}
