use proptest::prelude::*;

use super::*;
use crate::names::{AuthMethod, Front, Role, Timestamp};

fn question(verb: Verb) -> Question<'static> {
    let asker = Asker {
        address: Some([192, 0, 2, 7].into()),
        front: Front::Sftp,
        auth: AuthMethod::PublicKey,
        second_factor: false,
        role: Role::Participant,
    };
    Question {
        verb,
        asker,
        participant_type: "client",
        when: LocalTime { date: 20_261_124, minute_of_day: 605, weekday: 1 },
        matter: "2026-0001",
        matter_type: "General",
        folder: "Documents/From us",
        is_folder: false,
        name: Some("Draft.PDF"),
        size: 1000,
    }
}

/// A guard on every verb, with this condition.
fn guard(id: &str, condition: &str) -> String {
    format!("@id(\"{id}\") forbid (principal, action, resource) when {{ {condition} }};\n")
}

fn parsed(text: &str) -> Guards {
    Guards::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn answer(text: &str, question: &Question<'_>) -> Option<Forbidden> {
    parsed(text).decide(question)
}

#[test]
fn every_attribute_is_as_the_schema_says() {
    let true_of_it = [
        "context.address == ip(\"192.0.2.7\")",
        "context.address.isInRange(ip(\"192.0.2.0/24\"))",
        "context.front == Front::\"sftp\"",
        "context.auth == Auth::\"publickey\"",
        "!context.second_factor",
        "context.role == Role::\"participant\"",
        "context.participant_type == \"client\"",
        "context.date == 20261124",
        "context.hour == 10",
        "context.minute_of_day == 10 * 60 + 5",
        "context.weekday == Weekday::\"tuesday\"",
        "context.matter == \"2026-0001\"",
        "context.matter_type == \"General\"",
        "context.folder == \"Documents/From us\"",
        "context.folders == [\"Documents\", \"Documents/From us\"]",
        "context.kind == Kind::\"document\"",
        "context.extension == \"pdf\"",
        "context.size == 1000",
    ];
    for condition in true_of_it {
        let forbidden = answer(&guard("one", condition), &question(Verb::Read));
        assert!(forbidden.is_some_and(|forbidden| !forbidden.failed), "{condition}");
        assert_eq!(answer(&guard("one", &format!("!({condition})")), &question(Verb::Read)), None, "{condition}");
    }
}

#[test]
fn attributes_under_an_escaped_name_are_there_too() {
    for condition in [r#"context["\u{73}ize"] == 1000"#, r#"context["size"] == 1000"#, r#"context has size"#] {
        let forbidden = answer(&guard("one", condition), &question(Verb::Read));
        assert!(forbidden.is_some_and(|forbidden| !forbidden.failed), "{condition}");
    }
}

#[test]
fn the_first_in_the_file_that_forbids_is_named_with_its_advice() {
    let text = format!(
        "{}@id(\"second\") @advice(\"not so large\") forbid (principal, action == Action::\"read\", resource) \
         when {{ context.size > 999 }};\n{}",
        guard("first", "context.hour > 20"),
        guard("third", "context.hour < 20"),
    );
    let forbidden = answer(&text, &question(Verb::Read)).expect("forbidden");
    assert_eq!(forbidden.to_string(), "the guard `second` forbids it: not so large");
    let forbidden = answer(&text, &question(Verb::List)).expect("forbidden");
    assert_eq!(&*forbidden.guard, "third");
    assert!(parsed(&text).ids().eq(["first", "second", "third"]));
}

#[test]
fn a_guard_that_cannot_be_evaluated_forbids_and_is_named() {
    let text = guard("too-much", "context.size * 9223372036854775807 > 0");
    let forbidden = answer(&text, &question(Verb::Read)).expect("forbidden");
    assert!(forbidden.failed);
    assert!(forbidden.to_string().starts_with("the guard `too-much` could not be evaluated"), "{forbidden}");
    // One that is plainly true is the better answer.
    let both = text + &guard("plain", "context.size > 0");
    assert_eq!(&*answer(&both, &question(Verb::Read)).expect("forbidden").guard, "plain");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_to_do() {
    let text = "\
@id(\"good\") forbid (principal, action, resource) when { context.size > 5 };
permit (principal, action, resource);
@id(\"good\") forbid (principal, action, resource) when { context.size > 6 };
forbid (principal, action, resource);
  @id(\"typo\") forbid (principal, action == Action::\"red\", resource);
@id(\"attribute\") forbid (principal, action, resource) when { context.sise > 5 };
@id(\"word\") forbid (principal, action, resource) when { context.role == Role::\"staf\" };
@id(\"kind\") forbid (principal, action, resource) when { context.size > \"5\" };
@id(\"template\") forbid (principal == ?principal, action, resource);
@id(\"never\") forbid (principal, action, resource) when { false };
@id(\"syntax\") forbid (principal, action, resource) when { context.size > };
@id(\"other\") @owner(\"me\") forbid (principal, action, resource);
@id(\"open\") forbid (principal, action, resource)";
    let mistakes = Guards::parse(text).err().expect("mistakes");
    let lines = mistakes.lines("guards.cedar");
    for (start, said) in [
        ("guards.cedar:2:1:", "only `forbid`"),
        ("guards.cedar:2:1:", "@id("),
        ("guards.cedar:3:1:", "line 1"),
        ("guards.cedar:4:1:", "@id("),
        ("guards.cedar:5:", "red"),
        ("guards.cedar:6:", "sise"),
        ("guards.cedar:7:", "staf"),
        ("guards.cedar:8:", "Long"),
        ("guards.cedar:9:1:", "template"),
        ("guards.cedar:10:1:", "never forbid"),
        ("guards.cedar:11:", "unexpected"),
        ("guards.cedar:12:1:", "@owner"),
        ("guards.cedar:13:", "unexpected"),
    ] {
        let told = lines.iter().any(|line| line.starts_with(start) && line.contains(said));
        assert!(told, "{start} {said} is not in:\n{}", lines.join("\n"));
    }
    assert!(lines.iter().all(|line| !line.starts_with("guards.cedar:1:")), "{lines:?}");
}

#[test]
fn a_file_that_is_too_large_or_has_too_many_guards_is_refused() {
    let long = format!("//{}\n", "x".repeat(MAX_GUARDS_BYTES));
    assert!(Guards::parse(&long).err().expect("too long").to_string().contains("256 KiB"));
    let many: String = (0..=MAX_GUARDS).map(|n| guard(&format!("g{n}"), "context.size > 5")).collect();
    assert!(Guards::parse(&many).err().expect("too many").to_string().contains("200"));
}

#[test]
fn what_would_overflow_the_stack_is_refused_and_what_is_not_refused_does_not() {
    let deep = guard("deep", &format!("{}true{}", "(".repeat(100), ")".repeat(100)));
    assert!(Guards::parse(&deep).err().expect("too deep").to_string().contains("32 brackets"));
    let long = guard("long", &format!("context.size > 5{}", " && context.size > 5".repeat(1000)));
    assert!(Guards::parse(&long).err().expect("too long").to_string().contains("4 KiB"));
    // The longest chains that fit, on a thread with a small stack as the runtime's have.
    let chains = [("true", "&&true"), ("1", "+1"), ("if true then ", "true else if true then ")];
    for ((first, more), fits) in chains.into_iter().flat_map(|chain| [(chain, 900), (chain, 3900)]) {
        let mut condition = first.to_owned();
        condition.push_str(&more.repeat((fits - first.len()) / more.len()));
        let condition = match first {
            "1" => format!("context.size > {condition}"),
            "true" => format!("context.size > 5 && {condition}"),
            _ => format!("{condition} true else context.size > 5"),
        };
        // Whatever it says to them, it must come back.
        if let Ok(guards) = Guards::parse(&guard("chain", &condition)) {
            drop(guards.decide(&question(Verb::Read)));
        }
    }
}

#[test]
fn a_guard_that_begins_with_a_role_is_not_asked_about_others() {
    let verb = Verb::Read;
    let of = |condition: &str| {
        let guards = parsed(&guard("one", condition));
        Role::ALL.into_iter().filter(|role| guards.concern(verb, *role)).collect::<Vec<_>>()
    };
    assert_eq!(of("context.role == Role::\"device\" && context.size > 5 && context.hour > 5"), [Role::Device]);
    assert_eq!(of("(context.role == Role::\"staff\")"), [Role::Staff]);
    for every in [
        // What comes before the role might not be evaluated, and then the guard forbids.
        "context.size * 9223372036854775807 > 0 && context.role == Role::\"device\"",
        "context.role != Role::\"device\" && context.size > 5",
        "context.role == Role::\"device\" || context.size > 5",
        "!(context.role == Role::\"device\" && context.size > 5)",
    ] {
        assert_eq!(of(every), Role::ALL, "{every}");
    }
    let unless = parsed("@id(\"a\") forbid (principal, action, resource) unless { context.role == Role::\"device\" };");
    assert!(unless.concern(verb, Role::Staff));
    assert!(parsed("@id(\"a\") forbid (principal, action, resource);").concern(verb, Role::Staff));
}

#[test]
fn an_empty_file_has_no_guards_and_concerns_no_verb() {
    let guards = parsed("// nothing yet\n");
    assert!(guards.is_empty() && Verb::ALL.iter().all(|verb| !guards.concern(*verb, Role::Staff)));
    assert_eq!(guards.decide(&question(Verb::Read)), None);
}

#[test]
fn extensions_are_of_documents_and_in_small_letters() {
    let of =
        |name: &'static str, is_folder| Question { name: Some(name), is_folder, ..question(Verb::Read) }.extension();
    for (name, extension) in [
        ("Setup.EXE", "exe"),
        ("setup.exe. .", "exe"),
        ("archive.tar.gz", "gz"),
        ("Straße.DOCX", "docx"),
        ("none", ""),
        (".profile", "profile"),
        ("...", ""),
    ] {
        assert_eq!(of(name, false), extension, "{name}");
        assert_eq!(of(name, true), "", "{name}");
    }
}

#[test]
fn calendar_and_clock_are_those_of_the_zone() {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").expect("a zone");
    // 2026-12-31 23:30 UTC, a Thursday.
    let local = LocalTime::at(Timestamp::from_seconds(1_798_759_800), &zone);
    assert_eq!(local, LocalTime { date: 20_270_101, minute_of_day: 30, weekday: 4 });
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9 ./\"\\\\;:*-]{0,40}", "\\PC{0,20}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Guards that forbid nothing forbid nothing, whatever is asked and however it is spelt; and one that forbids
    /// everything always does.
    #[test]
    fn only_a_guard_that_holds_forbids(
        verb in prop::sample::select(Verb::ALL.to_vec()),
        address in any::<Option<core::net::IpAddr>>(),
        front in prop::sample::select(Front::ALL.to_vec()),
        auth in prop::sample::select(AuthMethod::ALL.to_vec()),
        second_factor: bool,
        role in prop::sample::select(Role::ALL.to_vec()),
        texts in prop::collection::vec(any_text(), 5),
        millis: i64,
        is_folder: bool,
        size: u64,
    ) {
        let question = Question {
            verb,
            asker: Asker { address, front, auth, second_factor, role },
            participant_type: &texts[0],
            when: LocalTime::at(Timestamp::from_millis(millis), &jiff::tz::TimeZone::UTC),
            matter: &texts[1],
            matter_type: &texts[2],
            folder: &texts[3],
            is_folder,
            name: Some(&texts[4]),
            size,
        };
        let nothing = guard("size", "context.size < 0")
            + &guard("clock", "context.hour > 23 || context.minute_of_day >= 1440 || context.minute_of_day < 0")
            + &guard("folders", "context.folder != \"\" && !context.folders.contains(context.folder)");
        prop_assert_eq!(parsed(&nothing).decide(&question), None);
        let everything = parsed("@id(\"all\") forbid (principal, action, resource);").decide(&question);
        prop_assert_eq!(everything.map(|forbidden| forbidden.failed), Some(false));
    }
}
