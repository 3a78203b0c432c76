//! The end of a day, by the firm's clock.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::names::Timestamp;

/// When the digests of the last day that is over were due: the hour's last coming. In the night in which the clock skips the
/// hour it is the one that the clock shows instead.
pub(super) fn last_end(hour: u8, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let moment = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
    let today = moment.to_zoned(zone.clone()).date();
    let end = |date: jiff::civil::Date| {
        let end = date.at(i8::try_from(hour).ok()?, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        Some(Timestamp::from_millis(end.timestamp().as_millisecond()))
    };
    end(today).filter(|end| *end <= now).or_else(|| end(today.checked_sub(1.day()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(now: &str) -> String {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").expect("known");
        let now = now.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
        last_end(18, &zone, Timestamp::from_millis(now)).expect("a time").to_string()
    }

    #[test]
    fn a_day_ends_at_the_firms_hour_in_summer_and_winter() {
        assert_eq!(end("2026-07-01T15:59:59Z"), "2026-06-30T16:00:00.000Z");
        assert_eq!(end("2026-07-01T16:00:00Z"), "2026-07-01T16:00:00.000Z");
        assert_eq!(end("2026-12-01T16:30:00Z"), "2026-11-30T17:00:00.000Z");
        assert_eq!(end("2026-12-01T17:00:00Z"), "2026-12-01T17:00:00.000Z");
        // Midnight in Berlin is still the day before in UTC.
        assert_eq!(end("2026-07-01T23:30:00Z"), "2026-07-01T16:00:00.000Z");
    }
}
