use proptest::prelude::*;

use super::*;

const SAMPLE: &str = include_str!("../../../policies/intake.toml");

fn parse(text: &str) -> Result<Rules, Mistakes> {
    Rules::parse(text, Path::new("intake.toml"), TimeZone::fixed(jiff::tz::offset(1)))
}

fn rules(text: &str) -> Rules {
    parse(text).unwrap_or_else(|why| panic!("{why}"))
}

/// A rule for everything, with what a test is about.
fn one(lines: &str) -> Rules {
    rules(&format!("[[rule]]\nname = \"one\"\n{lines}\n"))
}

fn path(text: &str) -> DocPath {
    DocPath::parse(text.as_bytes()).expect("a path")
}

fn routed(rules: &Rules, subfolder: &str, name: &str, source: &str) -> Routing {
    let arrival = Arrival {
        drop_box: "scans",
        subfolder: &path(subfolder),
        name: &DocName::parse(name.as_bytes()).expect("a name"),
        device: "scanner.one",
        source: source.parse().ok(),
        // 2026-01-31 13:05:09 UTC.
        arrived: Timestamp::from_seconds(1_769_864_709),
    };
    rules.route(&arrival)
}

/// Where a name goes, on one line.
fn goes(rules: &Rules, subfolder: &str, name: &str, source: &str) -> String {
    match routed(rules, subfolder, name, source) {
        Routing::To(to) => format!("{}: {}{}/{}", to.rule, to.matter, to.folder, to.name),
        Routing::Nowhere(why) => why.to_string(),
    }
}

#[test]
fn the_sample_says_what_its_comments_say() {
    let rules = rules(SAMPLE);
    for (subfolder, name, source, expected) in [
        ("", "2026-0001_Contract.pdf", "203.0.113.9", "number-in-the-name: 2026-0001/Documents/Internal/Contract.pdf"),
        ("", "2026-0001 Plan.TIF", "", "number-in-the-name: 2026-0001/Documents/Internal/Plan.TIF"),
        (
            "2026-0001/Drafts",
            "scan0007.pdf",
            "203.0.113.9",
            "number-as-a-folder: 2026-0001/Documents/Drafts/2026-01-31 14-05-09 scan0007.pdf",
        ),
        ("", "scan.pdf", "192.0.2.17", "front-desk: 2026-0001/Documents/Internal/scan.pdf"),
        ("", "scan.pdf", "192.0.2.18", "no rule matches"),
        ("", "scan.pdf", "", "no rule matches"),
    ] {
        assert_eq!(goes(&rules, subfolder, name, source), expected, "{subfolder}/{name}");
    }
}

#[test]
fn a_drop_box_is_a_folder_of_its_matter_and_all_below_it() {
    let rules = rules(SAMPLE);
    let found = |matter: &str, folder: &str| {
        let (drop_box, below) = rules.drop_box(matter, &path(folder))?;
        Some((drop_box.name.clone(), below.to_string()))
    };
    assert_eq!(found("2026-0001", "Documents/Drop box"), Some(("scans".to_owned(), "/".to_owned())));
    assert_eq!(found("2026-0001", "documents/DROP Box/2026/May"), Some(("scans".to_owned(), "/2026/May".to_owned())));
    for (matter, folder) in [
        ("2026-0002", "Documents/Drop box"),
        ("2026-0001", "Documents"),
        ("2026-0001", "Documents/Drop box 2"),
        ("2026-0001", "Invoices/Drop box"),
    ] {
        assert_eq!(found(matter, folder), None, "{matter} {folder}");
    }
    let (drop_box, _) = rules.drop_box("2026-0001", &path("Documents/Drop box")).expect("found");
    assert_eq!((drop_box.quiet.as_secs(), drop_box.same_content.as_secs()), (10, 24 * 3600));
}

#[test]
fn the_first_rule_that_matches_decides_and_those_before_say_why_they_do_not() {
    let text = "[[drop_box]]\nname = \"post\"\nmatter = \"1\"\nfolder = \"Documents/Post\"\n".to_owned();
    let rule = |name: &str, line: &str| {
        format!("[[rule]]\nname = \"{name}\"\n{line}\nmatter = \"{name}\"\nfolder = \"Documents\"\n")
    };
    let all = [
        rule("a", "drop_boxes = [\"post\"]"),
        rule("b", "devices = [\"scanner.two\"]"),
        rule("c", "from = [\"192.0.2.0/24\"]"),
        rule("d", "file = 'scan'"),
        rule("e", "subfolder = '.+'"),
        rule("f", "devices = [\"Scanner.One\"]\nfile = 'sca.*'"),
        rule("g", ""),
    ];
    let rules = rules(&(text + &all.concat()));
    let arrival = Arrival {
        drop_box: "scans",
        subfolder: &DocPath::root(),
        name: &DocName::parse(b"scan.pdf").expect("a name"),
        device: "scanner.one",
        source: None,
        arrived: Timestamp::now(),
    };
    let (passed, routing) = rules.trace(&arrival);
    let expected =
        [Mismatch::DropBox, Mismatch::Device, Mismatch::From, Mismatch::File, Mismatch::Subfolder].into_iter();
    assert!(passed.iter().copied().eq(["a", "b", "c", "d", "e"].into_iter().zip(expected)), "{passed:?}");
    assert!(matches!(routing, Routing::To(to) if to.rule == "f"));
}

#[test]
fn an_expression_matches_the_whole_and_not_a_part() {
    let rules = one("file = 'a|ab'\nmatter = \"1\"\nfolder = \"Documents\"");
    assert_eq!(goes(&rules, "", "ab", ""), "one: 1/Documents/ab");
    for name in ["abc", "cab", "aa"] {
        assert_eq!(goes(&rules, "", name, ""), "no rule matches", "{name}");
    }
}

#[test]
fn what_a_word_stands_for_never_makes_a_path() {
    let rules = one(
        "file = '(?<a>[^;]*)(;(?<b>.*))?'\nsubfolder = '(?<below>.*)'\nmatter = \"M{b}\"\nfolder = \"Documents/{below}/{a}\"",
    );
    let says = |part, why| Routing::Nowhere(Nowhere::Unfit { rule: "one".to_owned(), part, why });
    assert_eq!(goes(&rules, "x", "a;7", ""), "one: M7/Documents/x/a/a;7");
    for (subfolder, name, why) in [
        ("x/y", "a", Unfit::Name(NameError::Forbidden)),
        ("", "a", Unfit::Empty),
        ("x", "...", Unfit::Name(NameError::Dots)),
        ("x", ";", Unfit::Empty),
        ("x", "  ;", Unfit::Empty),
    ] {
        // `...` is a name, `..` would be none: a template can make it one.
        let name = if name == "..." { "..;1" } else { name };
        assert_eq!(routed(&rules, subfolder, name, ""), says(Part::Folder, why), "{subfolder} {name}");
    }
    let matter = one("file = '(?<n>[0-9]*).*'\nmatter = \"{n}\"\nfolder = \"Documents\"");
    assert_eq!(routed(&matter, "", "scan", ""), says(Part::Matter, Unfit::Empty));
    // A number is no path, so its captures may have what numbers have.
    let slash = one("subfolder = '(?<n>.*)'\nmatter = \"{n}\"\nfolder = \"Documents\"");
    assert_eq!(goes(&slash, "26/114", "a", ""), "one: 26/114/Documents/a");
    let long = one("matter = \"1\"\nfolder = \"Documents\"\nrename = \"{stem}{stem}\"");
    assert_eq!(routed(&long, "", &"x".repeat(200), ""), says(Part::Name, Unfit::Name(NameError::TooLong)));
    assert_eq!(
        goes(&long, "", &"x".repeat(200), ""),
        "rule `one` makes no name of this name: a name has at most 255 bytes"
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = r#"colour = "red"

[[drop_box]]
name = "front desk"
matter = "2026-0001"
folder = "Letters/Scans"
quiet_seconds = 0

[[drop_box]]
name = "scans"
folder = "Documents/{date}"

[[drop_box]]
name = "post"
matter = "1"
folder = "Documents/Post"

[[drop_box]]
name = "POST"
matter = "2"
folder = "Documents/Post"

[[drop_box]]
name = "mail"
matter = "1"
folder = "documents/.."

[[drop_box]]
name = "below"
matter = "1"
folder = "Documents/post/Below"

[[rule]]
name = "a"
file = '(?<what>.*'
matter = "{anything}"
folder = "Messages"

[[rule]]
name = "a"
devises = ["x"]
devices = []
from = ["192.0.2.1/24", "printer"]
drop_boxes = ["nowhere"]
file = '(?<date>.*)'
matter = "{what}"
folder = "Documents//In"
rename = "{stem"

[[rule]]
name = "b"
subfolder = '\w{1000}'
matter = 7

[[rule]]
name = "b"
file = 'a)|(b'
matter = "1"
folder = "Documents/.."

[[rule]]
name = "c"
matter = "1"
folder = "Documents"

[[rule]]
name = "C"
matter = " "
folder = "Documents"
rename = "a\nb"
"#;
    let mistakes = parse(text).expect_err("all wrong").to_string();
    let expected = r#"1:1: unknown field `colour`, expected `drop_box` or `rule`
4:8: a drop box needs a `name` of at most 64 letters, digits, `-`, `_` and `.`
6:10: `folder` must start with one of Documents, Invoices, Tasks, Calendar, Notes
7:17: `quiet_seconds` must be between 1 and 3600
9:1: `matter` is missing: the number of its matter, such as "2026-0001"
11:10: `folder`: {date} stands for nothing here
19:8: there is another drop box `POST`; each needs a name of its own
26:10: `folder` must start with one of Documents, Invoices, Tasks, Calendar, Notes
28:1: the folders of `post` and `below` lie within one another
35:8: `file` is no expression: unclosed group
37:10: `folder` must start with one of Documents, Invoices, Tasks, Calendar, Notes
39:1: {date} stands for something already: call this group otherwise
40:8: there is another rule `a`; each needs a name of its own
41:1: unknown field `devises`, expected one of `name`, `drop_boxes`, `devices`, `from`, `file`, `subfolder`, `matter`, `folder`, `rename`
42:11: `devices` has 1 to 100 words; leave it out if all are meant
43:9: `from`: "192.0.2.1/24" does not start at its first address: there are bits beyond its prefix
43:25: `from`: "printer" must be an address or a range, such as "192.0.2.17", "192.0.2.0/24" or "2001:db8::/64"
44:15: `drop_boxes`: "nowhere" is no drop box of this file
46:10: `matter`: {what} stands for nothing here; known are date, time, device, stem, extension
47:10: `folder`: a name must not be empty
48:10: `rename`: `{` has no `}` behind it
50:1: `folder` is missing: a folder, such as "Documents/Incoming"
50:1: `matter` is missing: a matter's number, such as "{matter}"
52:13: `subfolder` is no expression: it becomes larger than 512 KiB; look for counts of large classes, such as \w{100}
53:10: invalid type: integer `7`, expected a string
56:8: there is another rule `b`; each needs a name of its own
57:8: `file` is no expression: unopened group
59:10: `folder`: `.` and `..` are not names
67:8: there is another rule `C`; each needs a name of its own
68:10: `matter` must be one line of 1 to 1000 bytes
70:10: `rename` must be one line of 1 to 1000 bytes"#;
    assert_eq!(mistakes.replace("intake.toml:", ""), expected);
}

#[test]
fn there_are_at_most_so_many() {
    let rule = |n: usize| format!("[[rule]]\nname = \"r{n}\"\nmatter = \"1\"\nfolder = \"Documents\"\n");
    let some = |count: usize| (0..count).map(rule).collect::<String>();
    assert_eq!(rules(&some(200)).len(), 200);
    assert!(parse(&some(201)).expect_err("too many").to_string().ends_with("more than 200 rules"));
    let long = "#".repeat(MAX_RULES_BYTES + 1);
    assert!(parse(&long).expect_err("too long").to_string().contains("at most 256 KiB"));
    assert!(rules("").is_empty());
}

proptest! {
    #[test]
    fn a_destination_is_always_a_path_and_a_name(
        subfolder in "(\\PC{0,8}/){0,3}\\PC{0,8}",
        name in "\\PC{1,40}",
        folder in "(\\{(a|b|stem|extension|device|date)\\}|[a-z.]){1,12}",
        rename in "(\\{(a|b|stem|extension|device|time)\\}|[a-z.]){1,12}",
    ) {
        let text = format!(
            "file = '(?<a>.?.?).*'\nsubfolder = '(?<b>.*?)'\nmatter = \"{{a}}\"\nfolder = \"Documents/x{folder}/{folder}y\"\nrename = \"{rename}\""
        );
        let rules = one(&text);
        if let (Ok(subfolder), Ok(name)) = (DocPath::parse(subfolder.as_bytes()), DocName::parse(name.as_bytes()))
            && let Routing::To(to) = routed(&rules, &subfolder.to_string(), name.as_str(), "")
        {
            prop_assert_eq!(to.folder.names().len(), 3);
            prop_assert_eq!(DocName::parse(to.name.as_str().as_bytes()), Ok(to.name.clone()));
            prop_assert_eq!(DocPath::parse(to.folder.to_string().as_bytes()), Ok(to.folder.clone()));
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "(\\[\\[(rule|drop_box)\\]\\]\n|(name|file|matter|folder|from|devices) = ('[^']{0,9}'|[0-9]|\\[\\])\n){0,12}") {
        let _ = parse(&text);
    }
}
