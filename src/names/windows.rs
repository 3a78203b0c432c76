//! Names that Windows cannot hold: [Naming Files, Paths, and Namespaces](https://learn.microsoft.com/windows/win32/fileio/naming-a-file).

use super::DocName;

/// What becomes of a new name that Windows cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowsNames {
    /// It is kept as it is.
    #[default]
    Allow,
    /// It is refused, with the reason.
    Refuse,
}

/// Why Windows cannot hold a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOnWindows {
    /// One of the characters that have a meaning of their own there.
    #[error("Windows cannot hold this name: it must not contain < > : \" | ? *")]
    Character,
    /// Windows cuts these off.
    #[error("Windows cannot hold this name: it must not end with a dot or a space")]
    Ending,
    /// A device's.
    #[error("Windows cannot hold this name: CON, PRN, AUX, NUL, COM1 to COM9 and LPT1 to LPT9 are devices there")]
    Device,
}

impl DocName {
    /// Can Windows hold this name?
    pub fn fits_windows(&self) -> Result<(), NotOnWindows> {
        let name = self.as_str();
        if name.contains(['<', '>', ':', '"', '|', '?', '*']) {
            return Err(NotOnWindows::Character);
        }
        if name.ends_with(['.', ' ']) {
            return Err(NotOnWindows::Ending);
        }
        // With an extension it is the device still.
        let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
        if is_device(stem) { Err(NotOnWindows::Device) } else { Ok(()) }
    }
}

fn is_device(stem: &str) -> bool {
    let is = |word: &str| stem.eq_ignore_ascii_case(word);
    if ["con", "prn", "aux", "nul", "conin$", "conout$"].into_iter().any(is) {
        return true;
    }
    let Some((port, number)) = stem.split_at_checked(3) else { return false };
    let numbered = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"].contains(&number);
    numbered && (port.eq_ignore_ascii_case("com") || port.eq_ignore_ascii_case("lpt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_cannot_hold_is_told_apart_from_what_it_can() {
        let fits = |name: &str| DocName::parse(name.as_bytes()).expect("a name").fits_windows();
        for name in ["a:b", "what?", "\"so\"", "a|b", "2*2", "<b>"] {
            assert_eq!(fits(name), Err(NotOnWindows::Character), "{name}");
        }
        for name in ["a.", "a ", "...", "a. "] {
            assert_eq!(fits(name), Err(NotOnWindows::Ending), "{name}");
        }
        for name in ["CON", "nul.txt", "aux.tar.gz", "Com1", "LPT9.pdf", "COM²", "prn .doc", "CONIN$"] {
            assert_eq!(fits(name), Err(NotOnWindows::Device), "{name}");
        }
        for name in ["console.txt", "com", "COM0", "COM10", "lpt", "nul-1", ".con", " a", "100%", "#1", "Ω.pdf", "é1"]
        {
            assert_eq!(fits(name), Ok(()), "{name}");
        }
    }
}
