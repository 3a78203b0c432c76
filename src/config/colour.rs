//! The firm's colour on its pages.

use std::fmt;

/// What text needs on white to be read (WCAG 2.2, success criterion 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

/// A colour in sRGB that can be read on white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Reads `#rrggbb`.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be a colour such as \"#1f4e79\"";
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(FORM)?;
        let mut parts = [0; 3];
        hex::decode_to_slice(digits, &mut parts).map_err(|_| FORM)?;
        let colour = Self(parts);
        if colour.contrast_on_white() < LEAST_CONTRAST {
            return Err("is too light to be read on white; choose a darker colour");
        }
        Ok(colour)
    }

    /// From 1 to 21 (WCAG 2.2, "contrast ratio" and "relative luminance").
    fn contrast_on_white(self) -> f64 {
        let linear = |part: u8| match f64::from(part) / 255.0 {
            low if low <= 0.04045 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = self.0.map(linear);
        1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    }
}

/// `#rrggbb`.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_can_be_read_on_white_or_is_none() {
        assert_eq!(Colour::parse("#1F4e79").map(|colour| colour.to_string()).as_deref(), Ok("#1f4e79"));
        assert!((Colour([0; 3]).contrast_on_white() - 21.0).abs() < 1e-9);
        // The grey that is just dark enough, and the next one.
        assert!(Colour::parse("#767676").is_ok() && Colour::parse("#777777").is_err());
        for bad in ["", "#fff", "1f4e79", "#1f4e7g", "#1f4e79;", "red", "#ffffff", "#ÿÿÿ"] {
            assert!(Colour::parse(bad).is_err(), "{bad}");
        }
    }
}
