//! Long lists, a page at a time.

use std::ops::Range;

/// Entries on one page.
const ON_A_PAGE: usize = 100;

/// Where in a list a page stands.
pub(super) struct Paging {
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) total: usize,
}

impl Paging {
    /// The page that was asked for, from 1; the nearest one there is.
    pub(super) fn of(total: usize, asked: &str) -> Self {
        let pages = total.div_ceil(ON_A_PAGE).max(1);
        Self { page: asked.parse().unwrap_or(1).clamp(1, pages), pages, total }
    }

    /// Which entries it shows.
    pub(super) fn range(&self) -> Range<usize> {
        let start = (self.page - 1) * ON_A_PAGE;
        start..(start + ON_A_PAGE).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_there_is_the_nearest_one() {
        let shown = |total, asked| Paging::of(total, asked).range();
        assert_eq!(shown(0, ""), 0..0);
        assert_eq!(shown(250, "1"), 0..100);
        assert_eq!(shown(250, "3"), 200..250);
        assert_eq!(shown(250, "99"), 200..250);
        assert_eq!(shown(250, "-1"), 0..100);
    }
}
