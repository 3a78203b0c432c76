//! What may be seen beside the rights in a folder: folders that must be walked through, folders with rules of their own,
//! single documents that are shared where they stand.

use super::granted::{MatterRules, Participation, Standing, granted, granted_in};
use crate::names::{Area, MatterId, NodeId, Place, Rights, Role, Verb};
use crate::policy::FolderRule;

/// A document that staff share with participants where it stands, whatever the rights in its folder are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The participant types that may see it; none named means all.
    pub with: Vec<String>,
    /// The folders above it, from the area folder down.
    pub above: Vec<NodeId>,
    /// The area that it stands in.
    pub area: Area,
}

impl Share {
    fn rights(&self, standing: &Standing, one: &Participation) -> Rights {
        let meant = self.with.is_empty() || self.with.contains(&one.participant_type);
        match (meant && one.areas.has(self.area), one.can_download || standing.role == Role::Staff) {
            (false, _) => Rights::NONE,
            (true, false) => Rights::READ_ONLY.without(Verb::Read),
            (true, true) => Rights::READ_ONLY,
        }
    }
}

/// May a folder of the structure be seen and entered? Yes with any right in it, or when something below is granted, since
/// a drive has to walk through. The root may always be entered, a matter by those who may enter something in it.
pub fn may_enter(standing: &Standing, rules: &MatterRules, place: &Place) -> bool {
    let Some(matter) = place.matter else { return true };
    if standing.role == Role::Staff {
        return true;
    }
    if !standing.matters.contains_key(&matter) {
        return false;
    }
    !granted(standing, rules, place).rights.is_empty()
        || rules.folders.iter().any(|(node, folder)| {
            is_below(&folder.above, place.folder()) && grants(standing, rules, matter, (&folder.above, *node))
        })
        || opens_below(standing, rules, matter, place.folder())
}

/// Whether a user-made folder shows itself for its own sake: `Some(true)` if its own rule, or what stands below it, lets
/// this standing in; `Some(false)` if its own rule keeps this standing out; nothing if it shows by the rights in the folder
/// that holds it.
pub fn by_rule(standing: &Standing, rules: &MatterRules, place: &Place) -> Option<bool> {
    if rules.is_plain() || standing.role == Role::Staff {
        return None;
    }
    let (matter, node) = (place.matter?, place.folder()?);
    let own = rules.inner.get(&node).filter(|folder| folder.rule != FolderRule::Inherit);
    let opened = || opens_below(standing, rules, matter, Some(node));
    match own {
        Some(_) => Some(!granted(standing, rules, place).rights.is_empty() || opened()),
        None => opened().then_some(true),
    }
}

/// What a standing may do with a document for the sake of its being shared: List and Read, or nothing.
pub fn shared(standing: &Standing, rules: &MatterRules, matter: Option<MatterId>, node: NodeId) -> Rights {
    let share = rules.shares.get(&node);
    let one = matter.and_then(|matter| standing.matters.get(&matter));
    share.zip(one).map_or(Rights::NONE, |(share, one)| share.rights(standing, one))
}

/// Whether something that users made directly in this folder may show itself although the folder is not listed.
pub fn opens_in(rules: &MatterRules, folder: NodeId) -> bool {
    let holds = |above: &[NodeId]| above.contains(&folder);
    rules.inner.values().any(|inner| holds(&inner.above)) || rules.shares.values().any(|share| holds(&share.above))
}

/// Whether a rule or share stands on this node or below it. It then cannot move to another folder: what rules say hangs on
/// the folders above.
pub fn is_anchored(rules: &MatterRules, node: NodeId) -> bool {
    !rules.is_plain() && (rules.inner.contains_key(&node) || rules.shares.contains_key(&node) || opens_in(rules, node))
}

/// Whether a rule or share of what users made lets this standing in somewhere below.
fn opens_below(standing: &Standing, rules: &MatterRules, matter: MatterId, here: Option<NodeId>) -> bool {
    rules
        .inner
        .iter()
        .any(|(node, folder)| is_below(&folder.above, here) && grants(standing, rules, matter, (&folder.above, *node)))
        || rules.shares.iter().any(|(node, share)| {
            is_below(&share.above, here) && !shared(standing, rules, Some(matter), *node).is_empty()
        })
}

fn is_below(above: &[NodeId], here: Option<NodeId>) -> bool {
    here.is_none_or(|here| above.contains(&here))
}

fn grants(standing: &Standing, rules: &MatterRules, matter: MatterId, (above, node): (&[NodeId], NodeId)) -> bool {
    let chain: Vec<NodeId> = above.iter().copied().chain([node]).collect();
    !granted_in(standing, rules, Some(matter), &chain).rights.is_empty()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::names::{Areas, DocPath};
    use crate::policy::{Row, RuledFolder};

    const MATTER: MatterId = MatterId::from_bytes([1; 16]);
    const AREA: NodeId = NodeId::from_bytes([2; 16]);
    const FOLDER: NodeId = NodeId::from_bytes([3; 16]);
    const INNER: NodeId = NodeId::from_bytes([4; 16]);
    const DOCUMENT: NodeId = NodeId::from_bytes([5; 16]);

    fn standing(participant_type: &str, can_download: bool, areas: Areas) -> Standing {
        let one = Participation { participant_type: participant_type.to_owned(), can_download, areas };
        Standing { role: Role::Participant, matters: HashMap::from([(MATTER, one)]), read_only: false }
    }

    fn client() -> Standing {
        standing("client", true, Areas::ALL)
    }

    fn place(chain: &[NodeId]) -> Place {
        let structure = chain.len().min(2);
        Place {
            matter: Some(MATTER),
            chain: chain.to_vec(),
            structure,
            own: false,
            transient: false,
            path: DocPath::root(),
        }
    }

    fn ruled(rule: FolderRule, above: &[NodeId]) -> RuledFolder {
        RuledFolder { rule, above: above.to_vec(), label: "folder".to_owned(), area: Area::Documents }
    }

    fn rows(participant_type: &str, rights: Rights) -> FolderRule {
        FolderRule::Rows(vec![Row { participant_type: participant_type.to_owned(), rights }])
    }

    /// An area with a folder that this rule is on.
    fn structure(rule: FolderRule) -> MatterRules {
        let folders = [(AREA, ruled(FolderRule::Inherit, &[])), (FOLDER, ruled(rule, &[AREA]))];
        MatterRules { folders: HashMap::from(folders), ..MatterRules::default() }
    }

    fn with_share(with: &[&str]) -> MatterRules {
        let with = with.iter().map(|word| (*word).to_owned()).collect();
        let share = Share { with, above: vec![AREA, FOLDER, INNER], area: Area::Documents };
        MatterRules { shares: HashMap::from([(DOCUMENT, share)]), ..structure(FolderRule::Closed) }
    }

    fn with_inner(outer: FolderRule, rule: FolderRule) -> MatterRules {
        MatterRules { inner: HashMap::from([(INNER, ruled(rule, &[AREA, FOLDER]))]), ..structure(outer) }
    }

    #[test]
    fn a_share_opens_its_document_and_the_way_to_it_and_nothing_else() {
        let rules = with_share(&["client"]);
        assert_eq!(shared(&client(), &rules, Some(MATTER), DOCUMENT), Rights::READ_ONLY);
        assert!(may_enter(&client(), &rules, &place(&[])) && may_enter(&client(), &rules, &place(&[AREA, FOLDER])));
        assert_eq!(by_rule(&client(), &rules, &place(&[AREA, FOLDER, INNER])), Some(true));
        assert!(shared(&client(), &rules, Some(MATTER), INNER).is_empty());
        assert_eq!(by_rule(&client(), &rules, &place(&[AREA, FOLDER, NodeId::random()])), None);
        assert!(opens_in(&rules, INNER) && is_anchored(&rules, INNER) && is_anchored(&rules, DOCUMENT));
        assert!(!is_anchored(&rules, NodeId::random()));

        for stranger in [standing("expert", true, Areas::ALL), Standing { matters: HashMap::new(), ..client() }] {
            assert!(shared(&stranger, &rules, Some(MATTER), DOCUMENT).is_empty());
            assert!(!may_enter(&stranger, &rules, &place(&[AREA])));
            assert_eq!(by_rule(&stranger, &rules, &place(&[AREA, FOLDER, INNER])), None);
        }
        let everybody = with_share(&[]);
        let expert = standing("expert", true, Areas::ALL);
        assert_eq!(shared(&expert, &everybody, Some(MATTER), DOCUMENT), Rights::READ_ONLY);
    }

    #[test]
    fn the_download_switch_and_the_areas_hold_for_shares_too() {
        let rules = with_share(&[]);
        let without = standing("client", false, Areas::ALL);
        assert_eq!(shared(&without, &rules, Some(MATTER), DOCUMENT), Rights::of(&[Verb::List]));
        let off = standing("client", true, Areas::ALL.with(Area::Documents, false));
        assert!(shared(&off, &rules, Some(MATTER), DOCUMENT).is_empty());
        assert!(!may_enter(&off, &rules, &place(&[AREA])));
    }

    #[test]
    fn a_folders_own_rule_goes_before_that_of_the_folder_above() {
        let inside = place(&[AREA, FOLDER, INNER]);
        for (outer, rule, shows) in [
            (rows("client", Rights::FULL), FolderRule::Closed, Some(false)),
            (rows("client", Rights::FULL), rows("expert", Rights::FULL), Some(false)),
            (FolderRule::Closed, rows("client", Rights::READ_ONLY), Some(true)),
            (rows("client", Rights::FULL), rows("client", Rights::READ_ONLY), Some(true)),
        ] {
            let rules = with_inner(outer, rule);
            assert_eq!(by_rule(&client(), &rules, &inside), shows, "{rules:?}");
            assert!(may_enter(&client(), &rules, &place(&[AREA, FOLDER])), "{rules:?}");
        }
        let staff = Standing { role: Role::Staff, matters: HashMap::new(), read_only: false };
        assert_eq!(by_rule(&staff, &with_inner(FolderRule::Closed, FolderRule::Closed), &inside), None);
    }

    #[test]
    fn a_matter_without_own_rules_costs_nothing() {
        let rules = structure(rows("client", Rights::FULL));
        assert!(rules.is_plain());
        assert_eq!(by_rule(&client(), &rules, &place(&[AREA, FOLDER, INNER])), None);
        assert!(!is_anchored(&rules, INNER));
    }
}
