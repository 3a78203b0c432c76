//! What may be seen beside the rights in a folder: folders that must be walked through, folders with rules of their own,
//! single documents that are shared where they stand.

use super::granted::{MatterRules, Participation, Standing, granted_in};
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
    !granted_in(standing, rules, Some(matter), &place.chain).rights.is_empty()
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
        Some(_) => Some(!granted_in(standing, rules, Some(matter), &place.chain).rights.is_empty() || opened()),
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
