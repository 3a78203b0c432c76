//! How much room there is, and how people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who may have only so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Whoever uploads.
    Person,
    /// The matter into which it goes.
    Matter,
    /// The whole firm.
    Firm,
}

impl Quota {
    /// The word in the audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Matter => "matter",
            Self::Firm => "firm",
        }
    }
}

/// How many bytes may be kept, where that is bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// By one person, wherever they put it.
    pub person: Option<Bytes>,
    /// In one matter.
    pub matter: Option<Bytes>,
    /// In all matters.
    pub firm: Option<Bytes>,
}

impl Quotas {
    /// True if nothing is bounded.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A number of bytes, which people write as `50 GiB`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// The most that can be asked for: every reader of JSON keeps it exactly.
    pub const MOST: Self = Self((1 << 53) - 1);
}

/// The largest first, so that the first one that fits is the shortest way to say a number.
const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl fmt::Display for Bytes {
    /// Exact where a unit fits exactly, with one decimal rounded down elsewhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = UNITS.into_iter().find(|(_, size)| self.0 >= *size).unwrap_or(("B", 1));
        let (whole, rest) = (self.0 / size, self.0 % size);
        // The rest is below 2^40, so that ten times as much fits.
        match rest * 10 / size {
            _ if rest == 0 => write!(f, "{whole} {unit}"),
            tenth => write!(f, "{whole}.{tenth} {unit}"),
        }
    }
}

/// The text was no number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number with B, KiB, MiB, GiB or TiB behind it, such as 50GiB, and less than 8192TiB")]
pub struct ParseBytesError;

impl FromStr for Bytes {
    type Err = ParseBytesError;

    fn from_str(text: &str) -> Result<Self, ParseBytesError> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let named = UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let size = if unit.is_empty() { Some(1) } else { named.map(|(_, size)| size) };
        let number: u64 = number.parse().map_err(|_| ParseBytesError)?;
        let bytes = size.and_then(|size| number.checked_mul(size)).map(Self);
        bytes.filter(|bytes| *bytes <= Self::MOST).ok_or(ParseBytesError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_written_as_people_read_them() {
        for (text, bytes, shown) in [
            ("0", 0, "0 B"),
            ("1000", 1000, "1000 B"),
            ("1 KiB", 1024, "1 KiB"),
            ("1536", 1536, "1.5 KiB"),
            ("50gib", 50 << 30, "50 GiB"),
            ("2048 GiB", 2 << 40, "2 TiB"),
            (" 7 B ", 7, "7 B"),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
        for wrong in ["", "GiB", "1.5GiB", "-1", "1 GB", "10 apples", "18446744073709551615KiB", "8192TiB"] {
            assert_eq!(wrong.parse::<Bytes>(), Err(ParseBytesError), "{wrong}");
        }
        assert_eq!(Bytes(u64::MAX).to_string(), "16777215.9 TiB");
    }
}
