//! What the guards are asked, and how it becomes what Cedar evaluates.

// The addresses of `std::net` without its sockets.
use core::net::{IpAddr, Ipv4Addr};

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use jiff::tz::TimeZone;

use crate::names::{AuthMethod, DocName, Front, Place, Role, Timestamp, Verb};

/// Who asks, and how they came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The address at the other end; nothing for the console.
    pub address: Option<IpAddr>,
    /// The door.
    pub front: Front,
    /// How they proved who they are.
    pub auth: AuthMethod,
    /// A second factor was proven, too.
    pub second_factor: bool,
    /// What the account is.
    pub role: Role,
}

/// A point in time as the firm's calendar and clock show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// 20261124 for 24 November 2026.
    pub date: i64,
    /// Minutes since midnight by the clock.
    pub minute_of_day: i64,
    /// From 0 for Monday.
    pub weekday: usize,
}

impl LocalTime {
    /// What calendar and clock show at that time.
    pub fn at(time: Timestamp, zone: &TimeZone) -> Self {
        let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
        Self::shown(zone.to_datetime(time))
    }

    /// What is shown.
    pub fn shown(local: jiff::civil::DateTime) -> Self {
        Self {
            date: i64::from(local.year()) * 10_000 + i64::from(local.month()) * 100 + i64::from(local.day()),
            minute_of_day: i64::from(local.hour()) * 60 + i64::from(local.minute()),
            weekday: usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0),
        }
    }
}

/// One verb on one thing: what the guards are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// What for.
    pub verb: Verb,
    /// Who.
    pub asker: Asker,
    /// Their type on the matter; empty for none.
    pub participant_type: &'a str,
    /// When.
    pub when: LocalTime,
    /// The matter's number; empty at the root.
    pub matter: &'a str,
    /// Its type; empty at the root.
    pub matter_type: &'a str,
    /// The folder's path within the matter, without a slash at its ends.
    pub folder: &'a str,
    /// It is a folder that is asked for.
    pub is_folder: bool,
    /// The document's name; nothing for a folder's inside.
    pub name: Option<&'a str>,
    /// Bytes, as far as known.
    pub size: u64,
}

impl Question<'_> {
    /// What follows the last dot of a document's name, in small letters. Dots and spaces at the end do not count: Windows
    /// takes them away, and `setup.exe.` is then what its stem says.
    pub fn extension(&self) -> String {
        let Some(name) = self.name.filter(|_| !self.is_folder) else { return String::new() };
        let name = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        DocName::parse(end.as_bytes()).map_or_else(|_| String::new(), |end| end.folded())
    }
}

/// A folder's path within its matter, as guards write it.
pub fn folder_within(place: &Place) -> String {
    let names: Vec<_> = place.path.names().iter().skip(1).map(DocName::as_str).collect();
    names.join("/")
}

/// The words of closed lists, made once.
pub(super) struct Words {
    roles: [EntityUid; 5],
    fronts: [EntityUid; 6],
    auths: [EntityUid; 8],
    weekdays: [EntityUid; 7],
    kinds: [EntityUid; 2],
}

impl Words {
    pub(super) fn new() -> Option<Self> {
        fn list<const N: usize>(kind: &str, words: [&str; N]) -> Option<[EntityUid; N]> {
            let first = uid(kind, "")?;
            Some(words.map(|word| EntityUid::from_type_name_and_id(first.type_name().clone(), EntityId::new(word))))
        }
        Some(Self {
            roles: list("Role", Role::ALL.map(Role::as_str))?,
            fronts: list("Front", Front::ALL.map(Front::as_str))?,
            auths: list("Auth", AuthMethod::ALL.map(AuthMethod::as_str))?,
            weekdays: list("Weekday", ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])?,
            kinds: list("Kind", ["document", "folder"])?,
        })
    }
}

/// Nothing if the kind is no name of a type.
pub(super) fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id(kind.parse::<EntityTypeName>().ok()?, EntityId::new(id)))
}

/// The attributes of a question, as the schema has them.
const ATTRIBUTES: [&str; 17] = [
    "address",
    "front",
    "auth",
    "second_factor",
    "role",
    "participant_type",
    "date",
    "hour",
    "minute_of_day",
    "weekday",
    "matter",
    "matter_type",
    "folder",
    "folders",
    "kind",
    "extension",
    "size",
];

/// Which attributes the guards of one verb look at. Making one costs half a microsecond, as much as a small guard, and a
/// verb's guards look at few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted(u32);

impl Wanted {
    /// All that a guard may look at: whose names stand anywhere in it. A name could be written with escapes
    /// (`context["\u{73}ize"]`); a guard with a backslash may look at everything.
    pub(super) fn of(statement: &str) -> Self {
        let everything = statement.contains('\\');
        let named = ATTRIBUTES.iter().enumerate().filter(|(_, name)| everything || statement.contains(*name));
        Self(named.fold(0, |all, (at, _)| all | 1 << at))
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The context of a question, of those attributes that are wanted.
pub(super) fn context(words: &Words, question: &Question<'_>, wanted: Wanted) -> Option<Context> {
    let pairs = ATTRIBUTES.iter().enumerate().filter(|(at, _)| wanted.0 & 1 << at != 0);
    Context::from_pairs(pairs.map(|(_, name)| ((*name).to_owned(), attribute(words, question, name)))).ok()
}

fn attribute(words: &Words, question: &Question<'_>, name: &str) -> RestrictedExpression {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let word = |word: &EntityUid| RestrictedExpression::new_entity_uid(word.clone());
    let number = RestrictedExpression::new_long;
    let asker = &question.asker;
    match name {
        // A listener on [::] sees IPv4 as ::ffff:192.0.2.1, which no range of IPv4 would hold. The console is this machine.
        "address" => {
            let address = asker.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical();
            RestrictedExpression::new_ip(address.to_string())
        }
        "front" => word(&words.fronts[asker.front as usize]),
        "auth" => word(&words.auths[asker.auth as usize]),
        "second_factor" => RestrictedExpression::new_bool(asker.second_factor),
        "role" => word(&words.roles[asker.role as usize]),
        "participant_type" => text(question.participant_type),
        "date" => number(question.when.date),
        "hour" => number(question.when.minute_of_day / 60),
        "minute_of_day" => number(question.when.minute_of_day),
        "weekday" => word(&words.weekdays[question.when.weekday % 7]),
        "matter" => text(question.matter),
        "matter_type" => text(question.matter_type),
        "folder" => text(question.folder),
        "folders" => {
            let ends = question.folder.match_indices('/').map(|(at, _)| at).chain([question.folder.len()]);
            RestrictedExpression::new_set(ends.map(|end| text(&question.folder[..end])))
        }
        "kind" => word(&words.kinds[usize::from(question.is_folder)]),
        "extension" => text(&question.extension()),
        // "size", the last.
        _ => number(i64::try_from(question.size).unwrap_or(i64::MAX)),
    }
}
