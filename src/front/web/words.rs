//! Sizes, times and the record's words as people read them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::audit::Action;
use crate::names::{AuthMethod, Front, Timestamp};

/// `3 bytes`, `12.3 KB`, `4.0 GB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `26 Nov 2026, 11:14` by this zone's clock.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return String::new() };
    at.to_zoned(zone.clone()).strftime("%-d %b %Y, %H:%M").to_string()
}

/// When a day that is written like `2026-11-01` begins and ends by this zone's clock.
pub(super) fn day(text: &str, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let day = text.parse::<Date>().ok()?;
    let start = |day: Date| Some(Timestamp::from_millis(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()));
    Some((start(day)?, start(day.tomorrow().ok()?)?))
}

/// A way in.
pub(super) const fn door(front: Front) -> &'static str {
    match front {
        Front::Sftp => "SFTP",
        Front::Webdav => "Drive",
        Front::Web => "Browser",
        Front::Api => "Program",
        Front::Console | Front::Service => "The firm's own system",
    }
}

/// By what somebody signed in.
pub(super) const fn proof(auth: AuthMethod) -> &'static str {
    match auth {
        AuthMethod::Password => "by password",
        AuthMethod::PublicKey => "by SSH key",
        AuthMethod::DevicePassword => "by device password",
        AuthMethod::Token => "by token",
        AuthMethod::Link => "by link",
        AuthMethod::Socket | AuthMethod::Internal | AuthMethod::None => "",
    }
}

/// What somebody did.
pub(super) const fn did(action: Action) -> &'static str {
    match action {
        Action::Login => "Signed in",
        Action::Read => "Read",
        Action::Create => "Sent",
        Action::MakeFolder => "Made the folder",
        Action::Update => "Changed",
        Action::Delete => "Removed",
        Action::Rename => "Renamed",
        Action::Move => "Moved",
        Action::Copy => "Copied",
        Action::Route => "Delivered",
        Action::Assign => "Assigned",
        other => other.as_str(),
    }
}

/// What somebody changed about the own account, by what the record calls it.
pub(super) fn changed_own(action: &str) -> &str {
    match action {
        "account password" | "follow link" => "Set another password",
        "account key add" => "Added an SSH key",
        "account key remove" => "Removed an SSH key",
        "account second-factor enable" => "Switched the second factor on",
        "account second-factor disable" => "Switched the second factor off",
        "account device-password add" => "Made a device password",
        "account device-password revoke" => "Revoked a device password",
        "ask for reset" => "Asked for a link to another password",
        "recovery code" => "Used a recovery code",
        "session end" => "Ended sessions",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 KB"),
            (999_999, "999.9 KB"),
            (1_000_000, "1.0 MB"),
            (5_400_000_000, "5.4 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        let at = Timestamp::from_seconds(1_795_691_640);
        assert_eq!(time(at, &TimeZone::UTC), "26 Nov 2026, 11:14");
        assert_eq!(time(at, &TimeZone::get("Europe/Berlin").expect("built in")), "26 Nov 2026, 12:14");
    }
}
