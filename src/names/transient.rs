//! The names of the temporary files that programs make while they save.

use super::DocName;

impl DocName {
    /// True for a name under which a program keeps something only until its save is done, or which an operating system
    /// strews about: Office (`~$*`, `~WR*.tmp`, eight hex digits and `.tmp`), macOS (`._*`, `.DS_Store`, `.sb-*`),
    /// LibreOffice (`.~lock.*#`), transfer tools (`*.filepart`, `*.partial`), Windows (`Thumbs.db`, `desktop.ini`).
    pub fn is_transient(&self) -> bool {
        let name = self.as_str();
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), ".ds_store" | "thumbs.db" | "desktop.ini") {
            return true;
        }
        let stem = lower.strip_suffix(".tmp");
        lower.starts_with("~$")
            || lower.starts_with("._")
            || lower.contains(".sb-")
            || (lower.starts_with(".~lock.") && lower.ends_with('#'))
            || lower.ends_with(".filepart")
            || lower.ends_with(".partial")
            || stem.is_some_and(|stem| {
                stem.starts_with("~wr") || (stem.len() == 8 && stem.bytes().all(|b| b.is_ascii_hexdigit()))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_of_a_save_are_recognised_and_documents_are_not() {
        let transient = |name: &str| DocName::parse(name.as_bytes()).expect("a name").is_transient();
        for name in
            ["~$will.docx", "~WRD0001.tmp", "34429E5E.tmp", ".~lock.will.odt#", "scan.pdf.filepart", "._a", ".DS_Store"]
        {
            assert!(transient(name), "{name}");
        }
        for name in ["will.docx", "notes.tmp", "344.tmp", "partial.pdf", "_a", "sb.txt"] {
            assert!(!transient(name), "{name}");
        }
    }
}
