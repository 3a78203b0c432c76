//! Dependencies point downwards: each module of the library with what it may import, and nothing else.

use crate::no_findings;
use crate::source::library;

/// How much of a module another one may use.
enum Reach {
    /// Everything public.
    All,
    /// These names alone, each imported by name.
    Only(&'static [&'static str]),
}

use Reach::{All, Only};

/// An outcome is what a permit is settled with; the log itself stays with the gate.
const SETTLING: Reach = Only(&["Detail", "Outcome"]);

/// Modules, and the names in each.
type Names = &'static [(&'static str, &'static [&'static str])];

/// What one door may use beside what all doors may: people change their own account on the pages, and their programs the firm's
/// records through the API, by the gate's permit.
const BESIDES: &[(&str, &str, Names)] = &[
    (
        "front",
        "web",
        &[
            (
                "audit",
                &["Act", "Action", "Detail", "Ended", "Lookup", "Outcome", "Search", "Shown", "csv_head", "csv_row"],
            ),
            (
                "gate",
                &[
                    "Administer",
                    "CarriedOn",
                    "Followable",
                    "Followed",
                    "LinkError",
                    "Manage",
                    "OpenSession",
                    "Operation",
                    "OwnAccount",
                    "OwnSession",
                    "Permit",
                    "RESET_LIFE",
                    "SeeActivity",
                    "SeeOwnAccount",
                    "SeeRecord",
                    "Which",
                    "WhichOwn",
                    "authenticator_url",
                    "is_code_of",
                    "new_link",
                    "passwords",
                    "random_secret",
                ],
            ),
            // Mails that wait, and how the daemon is.
            ("notify", &["Postroom", "Waiting"]),
            ("observe", &["Health"]),
            ("policy", &["FolderRule", "Row"]),
            (
                "practice",
                &[
                    "Access",
                    "AccessEdit",
                    "Account",
                    "AccountKey",
                    "Contact",
                    "ContactChange",
                    "Delivery",
                    "DevicePassword",
                    "Ending",
                    "Error",
                    "Firm",
                    "FolderOutline",
                    "FolderSpec",
                    "LinkPurpose",
                    "MAX_FOLDERS",
                    "MAX_PARTICIPANT_TYPES",
                    "Matter",
                    "MatterEdit",
                    "MatterType",
                    "MatterTypeSpec",
                    "NewContact",
                    "NewLink",
                    "NewMatter",
                    "NewParticipant",
                    "Participant",
                    "ParticipantEdit",
                    "Party",
                    "Practice",
                    "RECOVERY_CODES",
                    "Ruling",
                    "SecondFactor",
                    "Switch",
                    "TokenDigest",
                    "TypeChange",
                    "WatchChange",
                    "parse_matter_type",
                ],
            ),
        ],
    ),
    (
        "front",
        "api",
        &[
            (
                "gate",
                &[
                    "Administer",
                    "Manage",
                    "Operation",
                    "OwnAccount",
                    "OwnSession",
                    "Permit",
                    "RESET_LIFE",
                    "Refusal",
                    "SeeActivity",
                    "SeeOwnAccount",
                    "WhichOwn",
                    "new_link",
                ],
            ),
            (
                "practice",
                &[
                    "Access",
                    "Account",
                    "AccountEdit",
                    "Contact",
                    "ContactChange",
                    "Delivery",
                    "Ending",
                    "Error",
                    "Firm",
                    "FirmEdit",
                    "Invited",
                    "LinkPurpose",
                    "Matter",
                    "MatterEdit",
                    "MatterType",
                    "NewContact",
                    "NewLink",
                    "NewMatter",
                    "NewParticipant",
                    "OwnRule",
                    "Participant",
                    "ParticipantEdit",
                    "Party",
                    "Practice",
                    "RightsChange",
                    "Ruling",
                    "Switch",
                    "TypeChange",
                    "parse_matter_type",
                ],
            ),
            ("policy", &["FolderRule", "Row"]),
            // What people did in a matter, as the gate lets it be read; and what a permit is settled with.
            ("audit", &["Act", "Detail", "Lookup", "Outcome", "Page"]),
        ],
    ),
];

/// Every module at the crate's top with the modules that it may import.
const LAYERS: &[(&str, &[(&str, Reach)])] = &[
    ("names", &[]),
    // A disk for tests, made by the system's own tools.
    ("small_disk", &[("names", All)]),
    // The foundations know the shared words and nothing of one another.
    ("policy", &[("names", All)]),
    ("audit", &[("names", All)]),
    ("keys", &[("names", All)]),
    ("kv", &[("names", All)]),
    ("config", &[("names", All)]),
    // What waits to be told; whoever makes something true can have it told in the same transaction.
    ("outbox", &[("names", All), ("kv", All)]),
    // The business records change only for a permit, which they cannot make.
    (
        "practice",
        &[
            ("names", All),
            ("policy", All),
            ("kv", All),
            ("outbox", All),
            ("keys", All),
            ("audit", SETTLING),
            ("gate", Only(&["Administer", "Manage", "Operation", "OwnAccount", "Permit"])),
        ],
    ),
    // The gate decides and records; it cannot reach a document.
    ("gate", &[("names", All), ("policy", All), ("audit", All), ("practice", All)]),
    // What stands before the tree looks at content, and knows neither rights nor documents.
    ("intake", &[("names", All), ("config", Only(&["ClamdAddress", "Item", "Longer", "Mistakes", "Scan", "read"]))]),
    // The vault does what a permit says; of the gate it knows the permit and the kinds of operation alone.
    (
        "vault",
        &[
            ("names", All),
            ("kv", All),
            ("outbox", Only(&["Cause", "News", "Noticeboard", "structure_folder"])),
            ("keys", All),
            ("audit", SETTLING),
            (
                "gate",
                Only(&[
                    "Administer",
                    "Confirmation",
                    "Create",
                    "Delete",
                    "Discard",
                    "DropHeld",
                    "EndSave",
                    "Expire",
                    "Fetch",
                    "GiveReceipt",
                    "List",
                    "Lock",
                    "MakeFolder",
                    "Manage",
                    "Move",
                    "OnRecord",
                    "Operation",
                    "Permit",
                    "Quarantine",
                    "Read",
                    "Save",
                    "Scan",
                    "SetAside",
                    "SetProperties",
                    "SetTimes",
                    "Stat",
                    "Update",
                    "Withheld",
                ]),
            ),
        ],
    ),
    (
        "vfs",
        &[
            ("names", All),
            ("gate", All),
            ("vault", All),
            ("intake", All),
            ("policy", All),
            ("practice", Only(&["Account", "Firm", "Matter"])),
            // The names in what somebody did are shown as the tree would show them.
            ("audit", Only(&["Act", "Action", "Detail", "Lookup", "Outcome", "Page"])),
        ],
    ),
    // A door turns a protocol into calls of the tree; of the gate it knows how somebody logs in, and of the
    // configuration how much the network may take.
    (
        "front",
        &[
            ("names", All),
            ("config", Only(&["Limits"])),
            ("vfs", All),
            (
                "gate",
                Only(&[
                    "Entrance",
                    "FirstFactor",
                    "Gate",
                    "Login",
                    "LoginError",
                    "SecurityKey",
                    "Session",
                    "ShownKey",
                    "SshKey",
                    "UserCertificate",
                ]),
            ),
        ],
    ),
    // Mail tells of what others have made true, to whom the policy lets see it.
    (
        "notify",
        &[
            ("names", All),
            ("kv", All),
            ("outbox", All),
            ("policy", All),
            ("config", All),
            ("audit", All),
            ("practice", All),
        ],
    ),
    ("observe", &[("names", All), ("config", All)]),
    // The command line and the daemon wire the others together; the doors are opened by the daemon alone.
    (
        "cli",
        &[
            ("names", All),
            ("policy", All),
            ("audit", All),
            ("keys", All),
            ("kv", All),
            ("outbox", All),
            ("notify", All),
            ("config", All),
            ("practice", All),
            ("gate", All),
            ("vault", All),
            ("intake", All),
            ("vfs", All),
            ("observe", All),
            ("daemon", All),
        ],
    ),
    (
        "daemon",
        &[
            ("names", All),
            ("policy", All),
            ("audit", All),
            ("keys", All),
            ("kv", All),
            ("outbox", All),
            ("notify", All),
            ("config", All),
            ("practice", All),
            ("gate", All),
            ("vault", All),
            ("vfs", All),
            ("intake", All),
            ("front", All),
            ("observe", All),
            ("cli", All),
        ],
    ),
];

fn may_import(from: &str, to: &[String]) -> Result<(), String> {
    let Some((_, allowed)) = LAYERS.iter().find(|(module, _)| *module == from) else {
        return Err(format!("`{from}` has no row in tests/tidy/layers.rs: give it one"));
    };
    let reach = allowed.iter().find(|(module, _)| *module == to[0]).map(|(_, reach)| reach);
    match (reach, to.get(1)) {
        (Some(All), _) => Ok(()),
        (Some(Only(names)), Some(item)) if names.contains(&item.as_str()) => Ok(()),
        (Some(Only(names)), _) => {
            Err(format!("`{from}` may use of `{}` only {} by name, not `{}`", to[0], names.join(", "), to.join("::")))
        }
        (None, _) => Err(format!("`{from}` must not import `{}`", to.join("::"))),
    }
}

fn is_besides(module: &[String], to: &[String]) -> bool {
    let [from, door, ..] = module else { return false };
    let rows = BESIDES.iter().filter(|(module, folder, _)| module == from && folder == door);
    let (to, item) = (to[0].as_str(), to.get(1).map(String::as_str));
    rows.flat_map(|(.., allowed)| *allowed)
        .any(|(module, names)| *module == to && item.is_some_and(|i| names.contains(&i)))
}

#[test]
fn imports_point_downwards() {
    let sources = library();
    let modules: Vec<String> = sources.iter().filter_map(|source| source.module().first().cloned()).collect();
    let mut findings = Vec::new();
    for source in &sources {
        let module = source.module();
        let Some(from) = module.first() else { continue };
        if let Err(finding) = may_import(from, &["names".to_owned()])
            && from != "names"
        {
            findings.push(finding);
        }
        for reference in source.references() {
            let to = &reference.to;
            if to[0] != *from
                && modules.contains(&to[0])
                && !is_besides(&module, to)
                && let Err(finding) = may_import(from, to)
            {
                findings.push(format!("{}:{}: {finding}", source.path, reference.line));
            }
        }
    }
    no_findings("the layers of ARCHITECTURE.md are crossed:", findings);
}

#[test]
fn one_door_does_not_know_the_other() {
    let mut findings = Vec::new();
    for source in library() {
        let module = source.module();
        let [front, door, ..] = module.as_slice() else { continue };
        for reference in source.references() {
            if front == "front"
                && reference.to[0] == "front"
                && reference.to.get(1).is_some_and(|other| other != door && is_folder(other))
            {
                findings.push(format!("{}:{}: `{}`", source.path, reference.line, reference.to.join("::")));
            }
        }
    }
    no_findings("a door imports another door; what they share belongs into a file of its own in front/:", findings);
}

fn is_folder(door: &str) -> bool {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/front").join(door).is_dir()
}
