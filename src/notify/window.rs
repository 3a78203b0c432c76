//! When news becomes mail: once nothing new came into the matter for a while, or it has waited long enough.

use std::time::Duration;

use crate::names::Timestamp;
use crate::outbox::News;

/// News in one mail's making at most: its transaction stays far below what the store takes at once.
const MAX_TOGETHER: usize = 5_000;

/// How long news is gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// So long nothing new must have come.
    pub(super) quiet: Duration,
    /// So long the first waits at most.
    pub(super) longest: Duration,
}

/// What is to be told now.
#[derive(Debug, Default)]
pub(super) struct Ripe {
    /// News of one matter each.
    pub(super) groups: Vec<Vec<News>>,
    /// When the next group is, as far as is known now.
    pub(super) next: Option<Timestamp>,
}

/// Which matters' news is to be told. `news` comes sorted by matter, as the store has it.
pub(super) fn ripe(news: Vec<News>, window: Window, now: Timestamp) -> Ripe {
    let mut ripe = Ripe::default();
    let mut rest = news.into_iter().peekable();
    while let Some(first) = rest.next() {
        let matter = first.matter;
        let mut group = vec![first];
        group.extend(std::iter::from_fn(|| rest.next_if(|news| news.matter == matter)));
        let at = ripe_at(&group, window, now);
        if at <= now {
            ripe.groups.extend(group.chunks(MAX_TOGETHER).map(<[News]>::to_vec));
        } else {
            ripe.next = ripe.next.into_iter().chain([at]).min();
        }
    }
    ripe
}

fn ripe_at(group: &[News], window: Window, now: Timestamp) -> Timestamp {
    let last = group.iter().map(|news| news.at).max().unwrap_or(now);
    let first = group.iter().map(|news| news.since).min().unwrap_or(now);
    // A clock that was set back must not make news wait until it has caught up.
    if last > now { now } else { last.after(window.quiet).min(first.after(window.longest)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{AccountId, MatterId, NodeId};
    use crate::outbox::Cause;

    const WINDOW: Window = Window { quiet: Duration::from_secs(60), longest: Duration::from_secs(600) };

    fn news(matter: u8, since: i64, at: i64) -> News {
        News {
            matter: MatterId::from_bytes([matter; 16]),
            node: NodeId::random(),
            folder: NodeId::from_bytes([7; 16]),
            name: None,
            by: AccountId::from_bytes([1; 16]),
            cause: Cause::Uploaded,
            since: Timestamp::from_seconds(since),
            at: Timestamp::from_seconds(at),
        }
    }

    fn told(all: &[News], now: i64) -> (Vec<usize>, Option<i64>) {
        let ripe = ripe(all.to_vec(), WINDOW, Timestamp::from_seconds(now));
        (ripe.groups.iter().map(Vec::len).collect(), ripe.next.map(Timestamp::as_seconds))
    }

    #[test]
    fn two_hundred_files_are_one_group_once_it_is_quiet() {
        let all: Vec<_> = (0..200).map(|at| news(1, 1000 + at / 10, 1000 + at / 10)).collect();
        assert_eq!(told(&all, 1019), (vec![], Some(1079)));
        assert_eq!(told(&all, 1078), (vec![], Some(1079)));
        assert_eq!(told(&all, 1079), (vec![200], None));
    }

    #[test]
    fn a_stream_without_a_pause_is_told_after_the_longest_wait() {
        let all: Vec<_> = (0..60).map(|at| news(1, 1000 + at * 10, 1000 + at * 10)).collect();
        assert_eq!(told(&all, 1590), (vec![], Some(1600)));
        assert_eq!(told(&all, 1600), (vec![60], None));
        // So is one document that is saved again and again.
        assert_eq!(told(&[news(1, 1000, 1599)], 1600), (vec![1], None));
    }

    #[test]
    fn matters_do_not_wait_for_each_other() {
        let all = [news(1, 1000, 1000), news(2, 1050, 1050), news(2, 1055, 1055)];
        assert_eq!(told(&all, 1060), (vec![1], Some(1115)));
    }

    #[test]
    fn a_clock_that_was_set_back_delays_nothing() {
        assert_eq!(told(&[news(1, 9000, 9000)], 1000), (vec![1], None));
    }
}
