//! Bringing existing matters to a new version of their type.

use super::*;
use crate::names::NodeId;

fn node(matter: &Matter, label: &str) -> NodeId {
    let found = matter.rules.folders.iter().find(|(_, folder)| folder.label == label);
    *found.unwrap_or_else(|| panic!("there is {label}")).0
}

/// General with another row, without `Drafts`, with a folder more.
fn changed() -> String {
    let drafts = GENERAL.find("# Work on drafts together").expect("a comment");
    let after = GENERAL[drafts..].find("[[folder]]\npath = \"Documents/Shared room\"").expect("a folder") + drafts;
    let without = format!("{}{}", &GENERAL[..drafts], &GENERAL[after..]);
    let more = "\n[[folder]]\npath = \"Documents/From us/Signed\"\nrows = { client = \"list read\" }\n";
    without.replacen("rows = { client = \"list read create\" }", "rows = { client = \"list create\" }", 1) + more
}

#[test]
fn a_push_is_previewed_then_done_on_every_matter_at_once() {
    let (office, first) = Office::with_matter();
    let second = office.matter("2026-0002", "Estate of A Testator");
    let client = office.client(&first);
    assert_eq!(office.firm().push_preview("General").expect("there"), [], "nothing to do yet");
    office.apply(&changed());
    let third = office.matter("2026-0003", "Made with the new version");

    let preview = office.firm().push_preview("general").expect("there");
    let numbers: Vec<_> = preview.iter().map(|one| one.number.as_str()).collect();
    assert_eq!(numbers, ["2026-0001", "2026-0002"]);
    assert_eq!((preview[0].from, preview[0].to), (1, 2));
    assert_eq!(preview[0].added, ["Documents/From us/Signed"]);
    assert_eq!(preview[0].closed, ["Documents/Drafts"]);
    let told: Vec<_> = preview[0]
        .rights
        .iter()
        .map(|one| format!("{} {}: {} -> {}", one.folder, one.participant_type, one.from, one.to))
        .collect();
    assert_eq!(
        told,
        [
            "Documents/From you client: list read create -> list create",
            "Documents/From us/Signed client: none -> list read",
            "Documents/Drafts client: list read create update -> none",
        ]
    );
    assert_eq!(office.firm().matter(first.id).expect("there").type_version, 1, "a preview changes nothing");

    let epoch = office.firm().epoch;
    let done = office.commit(|draft| draft.push_matter_type("General")).expect("pushed");
    assert_eq!(done, preview, "what was previewed is what was done");
    assert_eq!(office.firm().epoch, epoch + 1, "one change");
    for matter in [&first, &second, &third] {
        assert_eq!(office.firm().matter(matter.id).expect("there").type_version, 2);
    }
    assert!(office.firm().type_version(1, 1).is_none(), "a version that no matter has is not kept");

    let office = office.restarted();
    let pushed = office.firm().matter(first.id).expect("there").clone();
    for label in ["Documents", "Documents/From you", "Documents/Shared room", "Documents/Drafts"] {
        assert_eq!(node(&first, label), node(&pushed, label), "{label} keeps its node, and with it what is in it");
    }
    assert_eq!(rights(&office.firm(), &pushed, client, "From you").to_string(), "list create");
    assert_eq!(rights(&office.firm(), &pushed, client, "Drafts").to_string(), "none");
    assert!(pushed.folder(node(&pushed, "Documents/Drafts")).is_some_and(|folder| folder.former.is_some()));
}

#[test]
fn a_folder_that_comes_back_is_the_one_that_went() {
    let (office, first) = Office::with_matter();
    let client = office.client(&first);
    office.apply(&changed());
    office.commit(|draft| draft.push_matter_type("General")).expect("pushed");
    office.apply(GENERAL);
    let preview = office.firm().push_preview("General").expect("there");
    assert_eq!(preview[0].added, [] as [String; 0], "it is there already");
    assert_eq!(preview[0].closed, ["Documents/From us/Signed"]);
    office.commit(|draft| draft.push_matter_type("General")).expect("pushed");
    let office = office.restarted();
    let now = office.firm().matter(first.id).expect("there").clone();
    assert_eq!(node(&first, "Documents/Drafts"), node(&now, "Documents/Drafts"));
    assert_eq!(rights(&office.firm(), &now, client, "Drafts").to_string(), "list read create update");
    assert_eq!(now.former_folders().count(), 1, "what came back is no former folder any more");
}

#[test]
fn participants_whose_type_is_gone_are_named() {
    let (office, first) = Office::with_matter();
    let expert = office.contact("Expert One", Some("expert.one@example.com"));
    office.try_participant(&first, expert, "expert").expect("a participant");
    office.grant(&first, expert).expect("access");
    let without = GENERAL
        .replace("\"client\", \"expert\", \"device\"", "\"client\", \"device\"")
        .replace(", expert = \"list read\"", "")
        .replace("rows = { expert = \"list read create\" }", "closed = true");
    office.apply(&without);
    let preview = office.firm().push_preview("General").expect("there");
    assert_eq!(preview[0].without_type, ["Expert One"]);
    office.commit(|draft| draft.push_matter_type("General")).expect("pushed");
    assert_eq!(
        rights(&office.firm(), &office.firm().matter(first.id).expect("there").clone(), expert, "From us").to_string(),
        "none"
    );
    assert!(
        text_of(office.commit(|draft| draft.push_matter_type("No such type"))).starts_with("there is no matter type")
    );
}
