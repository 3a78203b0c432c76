//! Where rights come from: rows, inheritance, closed folders, the download switch, other matters, roles.

use std::collections::HashMap;

use deedbox::names::{Area, Areas, DocPath, MatterId, NodeId, Place, Rights, Role, Verb};
use deedbox::policy::{FolderRule, MatterRules, Participation, Row, RuledFolder, Source, Standing, granted, may_enter};
use proptest::prelude::*;

use crate::vocabulary::all_rights;

const TYPES: [&str; 3] = ["client", "expert", "device"];
const MATTERS: [MatterId; 3] =
    [MatterId::from_bytes([1; 16]), MatterId::from_bytes([2; 16]), MatterId::from_bytes([3; 16])];

/// A matter's folders: each with the one above it, by position, and its rule.
#[derive(Debug, Clone)]
struct Folders(Vec<(Option<usize>, FolderRule)>);

impl Folders {
    fn node(n: usize) -> NodeId {
        NodeId::from_bytes([u8::try_from(n).expect("few folders") + 100; 16])
    }

    /// The folder and those above it, from the top down.
    fn line(&self, folder: usize) -> Vec<usize> {
        let mut line = self.0[folder].0.map_or(Vec::new(), |above| self.line(above));
        line.push(folder);
        line
    }

    fn rules(&self) -> MatterRules {
        let folders = self.0.iter().enumerate().map(|(n, (above, rule))| {
            let above = above.map_or(Vec::new(), |above| self.line(above)).into_iter().map(Self::node).collect();
            (
                Self::node(n),
                RuledFolder { rule: rule.clone(), above, label: format!("folder {n}"), area: Area::Documents },
            )
        });
        MatterRules { folders: folders.collect(), ..MatterRules::default() }
    }

    fn place(&self, matter: MatterId, folder: usize, users_below: usize) -> Place {
        let line = self.line(folder);
        let structure = line.len();
        let users = (0..users_below).map(|n| NodeId::from_bytes([u8::try_from(n).expect("few folders"); 16]));
        let chain = line.into_iter().map(Self::node).chain(users).collect();
        Place { matter: Some(matter), chain, structure, own: false, transient: false, path: DocPath::root() }
    }

    /// What rows say of a participant type, walking from the top: each rule that says something replaces what was said.
    fn said(&self, folder: usize, participant_type: &str) -> Rights {
        self.line(folder).into_iter().fold(Rights::NONE, |above, n| match &self.0[n].1 {
            FolderRule::Inherit => above,
            FolderRule::Closed => Rights::NONE,
            FolderRule::Rows(rows) => {
                let own = rows.iter().filter(|row| row.participant_type == participant_type);
                own.fold(Rights::NONE, |all, row| all | row.rights)
            }
        })
    }

    fn expected(&self, folder: usize, participation: &Participation) -> Rights {
        let said = self.said(folder, &participation.participant_type);
        if participation.can_download { said } else { said.without(Verb::Read) }
    }
}

fn matter_level(matter: Option<MatterId>) -> Place {
    Place { matter, chain: Vec::new(), structure: 0, own: false, transient: false, path: DocPath::root() }
}

fn some_rights() -> impl Strategy<Value = Rights> {
    proptest::sample::select(all_rights().collect::<Vec<_>>())
}

fn rule() -> impl Strategy<Value = FolderRule> {
    let row = (proptest::sample::select(TYPES.to_vec()), some_rights())
        .prop_map(|(participant_type, rights)| Row { participant_type: participant_type.to_owned(), rights });
    prop_oneof![
        3 => proptest::collection::vec(row, 0..4).prop_map(FolderRule::Rows),
        1 => Just(FolderRule::Closed),
        2 => Just(FolderRule::Inherit),
    ]
}

fn folders() -> impl Strategy<Value = Folders> {
    let folder = (any::<prop::sample::Index>(), any::<bool>(), rule());
    proptest::collection::vec(folder, 1..8).prop_map(|folders| {
        let placed = folders.into_iter().enumerate().map(|(n, (above, is_top, rule))| {
            let above = (n > 0 && !is_top).then(|| above.index(n));
            (above, rule)
        });
        Folders(placed.collect())
    })
}

fn participation() -> impl Strategy<Value = Participation> {
    (proptest::sample::select(TYPES.to_vec()), any::<bool>()).prop_map(|(participant_type, can_download)| {
        Participation { participant_type: participant_type.to_owned(), can_download, areas: Areas::ALL }
    })
}

fn standing(role: Role, on: &Participation) -> Standing {
    Standing { role, matters: HashMap::from([(MATTERS[0], on.clone())]), read_only: false }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_nearest_rule_on_the_way_up_decides_also_for_folders_that_users_made(
        folders in folders(), on in participation(), users_below in 0usize..4,
        role in proptest::sample::select(vec![Role::Participant, Role::Device]),
    ) {
        let (rules, standing) = (folders.rules(), standing(role, &on));
        for folder in 0..folders.0.len() {
            let granted = granted(&standing, &rules, &folders.place(MATTERS[0], folder, users_below));
            prop_assert_eq!(granted.rights, folders.expected(folder, &on), "folder {}", folder);
        }
    }

    #[test]
    fn the_reason_names_the_folder_whose_rule_decided(folders in folders(), on in participation()) {
        let (rules, standing) = (folders.rules(), standing(Role::Participant, &on));
        for folder in 0..folders.0.len() {
            let deciding = folders.line(folder).into_iter().rev().find(|n| folders.0[*n].1 != FolderRule::Inherit);
            let expected = deciding.map(|n| format!("folder {n}"));
            let named = match granted(&standing, &rules, &folders.place(MATTERS[0], folder, 1)).source {
                Source::Rows { folder, download_off, rights, .. } => {
                    prop_assert_eq!(download_off, rights.has(Verb::Read) && !on.can_download);
                    Some(folder.to_owned())
                }
                Source::Closed { folder } => Some(folder.to_owned()),
                Source::NoRule { .. } => None,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(named, expected);
        }
    }

    #[test]
    fn the_download_switch_takes_read_away_and_nothing_else(folders in folders(), on in participation()) {
        let rules = folders.rules();
        let with = |can_download| standing(Role::Participant, &Participation { can_download, ..on.clone() });
        for folder in 0..folders.0.len() {
            let place = folders.place(MATTERS[0], folder, 0);
            let (open, shut) = (with(true), with(false));
            let (open, shut) = (granted(&open, &rules, &place).rights, granted(&shut, &rules, &place).rights);
            prop_assert_eq!(shut, open.without(Verb::Read));
        }
    }

    #[test]
    fn an_access_reaches_no_other_matter(folders in folders(), on in participation()) {
        let (rules, standing) = (folders.rules(), standing(Role::Participant, &on));
        for matter in &MATTERS[1..] {
            prop_assert!(!may_enter(&standing, &rules, &matter_level(Some(*matter))));
            for folder in 0..folders.0.len() {
                let place = folders.place(*matter, folder, 1);
                prop_assert_eq!(granted(&standing, &rules, &place).rights, Rights::NONE);
                prop_assert_eq!(granted(&standing, &rules, &place).source, Source::NoAccess);
                prop_assert!(!may_enter(&standing, &rules, &place));
            }
        }
    }

    #[test]
    fn roles_stand_above_rows(folders in folders(), on in participation()) {
        let rules = folders.rules();
        for folder in 0..folders.0.len() {
            for place in [folders.place(MATTERS[0], folder, 0), folders.place(MATTERS[2], folder, 2)] {
                let staff = Standing { role: Role::Staff, matters: HashMap::new(), read_only: false };
                prop_assert_eq!(granted(&staff, &rules, &place).rights, Rights::FULL);
                prop_assert!(may_enter(&staff, &rules, &place));
                // Even with an access by mistake, who runs or audits the system reads no papers.
                for role in [Role::Admin, Role::Auditor] {
                    let standing = standing(role, &on);
                    prop_assert_eq!(granted(&standing, &rules, &place).rights, Rights::NONE);
                    prop_assert!(!may_enter(&standing, &rules, &place));
                }
            }
        }
    }

    #[test]
    fn a_folder_can_be_entered_if_it_or_one_below_grants_anything(folders in folders(), on in participation()) {
        let (rules, standing) = (folders.rules(), standing(Role::Participant, &on));
        let grants = |n: usize| !folders.expected(n, &on).is_empty();
        let count = folders.0.len();
        for folder in 0..count {
            let below = (0..count).filter(|n| folders.line(*n).contains(&folder)).any(grants);
            prop_assert_eq!(may_enter(&standing, &rules, &folders.place(MATTERS[0], folder, 0)), below, "folder {}", folder);
        }
        let anywhere = (0..count).any(grants);
        prop_assert_eq!(may_enter(&standing, &rules, &matter_level(Some(MATTERS[0]))), anywhere);
        prop_assert!(may_enter(&standing, &rules, &matter_level(None)));
    }
}

#[test]
fn the_root_and_a_matter_itself_grant_nothing_to_anybody() {
    let on = Participation { participant_type: "client".to_owned(), can_download: true, areas: Areas::ALL };
    let rules = Folders(vec![(
        None,
        FolderRule::Rows(vec![Row { participant_type: "client".to_owned(), rights: Rights::FULL }]),
    )])
    .rules();
    for role in [Role::Participant, Role::Device, Role::Staff, Role::Admin, Role::Auditor] {
        let standing = standing(role, &on);
        for place in [matter_level(None), matter_level(Some(MATTERS[0]))] {
            assert_eq!(granted(&standing, &rules, &place).rights, Rights::NONE, "{role}");
        }
    }
}

#[test]
fn among_messages_nobody_changes_anything_and_the_download_switch_is_not_asked() {
    let (node, below) = (Folders::node(0), NodeId::from_bytes([9; 16]));
    let kept = Rights::of(&[Verb::List, Verb::Read, Verb::Create]);
    for rights in all_rights() {
        let rule = FolderRule::Rows(vec![Row { participant_type: "client".to_owned(), rights }]);
        let folder = RuledFolder { rule, above: Vec::new(), label: "Messages".to_owned(), area: Area::Messages };
        let rules = MatterRules { folders: HashMap::from([(node, folder)]), ..MatterRules::default() };
        for chain in [vec![node], vec![node, below]] {
            let place = Place {
                matter: Some(MATTERS[0]),
                chain,
                structure: 1,
                own: false,
                transient: false,
                path: DocPath::root(),
            };
            for (participant_type, can_download) in [("client", true), ("client", false), ("expert", true)] {
                let participant_type = participant_type.to_owned();
                let on = Participation { participant_type, can_download, areas: Areas::ALL };
                for role in [Role::Participant, Role::Device] {
                    let expected = if on.participant_type == "client" { rights & kept } else { Rights::NONE };
                    assert_eq!(granted(&standing(role, &on), &rules, &place).rights, expected, "{rights} {on:?}");
                }
                let off = Participation { areas: Areas::ALL.with(Area::Messages, false), ..on.clone() };
                let off = standing(Role::Participant, &off);
                assert_eq!(granted(&off, &rules, &place).source, Source::AreaOff(Area::Messages));
                assert_eq!(granted(&standing(Role::Staff, &on), &rules, &place).rights, kept);
                assert_eq!(granted(&standing(Role::Admin, &on), &rules, &place).rights, Rights::NONE);
            }
        }
    }
}
