//! Secrets that live as long as the process, on memory that is never written to swap.
//!
//! The kernel locks whole pages and does not count who asked: unlocking one secret would unlock what shares its page. Each
//! secret therefore has pages of its own. The limit (RLIMIT_MEMLOCK, 8 MiB unless set otherwise) has room for the firm's
//! keys and for every matter key that is kept. Where the kernel refuses, the secret is used all the same and
//! [`Locked::is_locked`] tells it.

use std::ops::Deref;

/// So many bytes, so aligned, that nothing else lies on the page. Larger pages, as some ARM systems have them, are shared,
/// and a key that goes may unlock its neighbour.
#[repr(align(4096))]
struct Page<T>(Option<T>);

/// A value on pages of its own that are not swapped out, if the kernel allows it. `T` wipes itself when dropped.
pub(super) struct Locked<T> {
    /// Before the page: memory is unlocked while it still is ours.
    guard: Option<region::LockGuard>,
    page: Box<Page<T>>,
}

impl<T> Locked<T> {
    pub(super) fn new(value: T) -> Self {
        let mut page = Box::new(Page(None));
        let guard = region::lock(std::ptr::from_ref(&*page), size_of::<Page<T>>()).ok();
        page.0 = Some(value);
        Self { guard, page }
    }

    /// Whether the kernel keeps it out of swap.
    pub(super) fn is_locked(&self) -> bool {
        self.guard.is_some()
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.page.0.as_ref().expect("it goes only with the whole")
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        // In its place, so that no copy stays behind, and while the page is still locked.
        self.page.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_has_its_page_and_loses_no_other_when_it_goes() {
        let [one, two] = [[1u8; 32], [2u8; 32]].map(Locked::new);
        let page = |secret: &Locked<[u8; 32]>| std::ptr::from_ref(&**secret).addr() / 4096;
        assert_ne!(page(&one), page(&two));
        assert!(one.is_locked() && two.is_locked(), "RLIMIT_MEMLOCK has no room for two pages");
        drop(one);
        assert_eq!(*two, [2; 32]);
        let status = std::fs::read_to_string("/proc/self/status").expect("readable");
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("told");
        assert!(!locked.trim().starts_with("0 "), "{locked}");
    }
}
