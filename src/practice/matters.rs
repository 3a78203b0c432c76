//! The rules for matter types and matters.

use std::sync::Arc;

use super::accounts::bounded;
use super::draft::Draft;
use super::matter::MatterParts;
use super::words::{self, quoted};
use super::{Error, Firm, Matter, MatterType, MatterTypeSpec, NewMatter, Watch};
use crate::names::{Areas, NodeId, Timestamp};

/// How many matters a firm may have; the snapshot holds all of them in memory.
const MAX_MATTERS: usize = 100_000;
const MAX_TYPES: usize = 500;

impl Draft<'_> {
    /// A new matter type, or the next version of the one of this name. A text that changes nothing makes no version.
    pub(super) fn apply_matter_type(&mut self, spec: MatterTypeSpec) -> Result<Arc<MatterType>, Error> {
        let Some(current) = self.firm().matter_type(spec.name()) else {
            bounded(self.firm().counts().types, MAX_TYPES, "matter types")?;
            let id = self.firm().next_type_id();
            return Ok(self.put_type(MatterType::new(id, 1, spec, Timestamp::now())));
        };
        if current.spec == spec {
            return Ok(current);
        }
        let in_use = self
            .firm()
            .matters()
            .any(|matter| matter.kind().id == current.id && matter.type_version == current.version);
        if !in_use {
            // Versions that no matter has are not kept, or every edit would leave one for ever.
            self.remove_type(&current);
        }
        let version = current.version.saturating_add(1);
        Ok(self.put_type(MatterType::new(current.id, version, spec, Timestamp::now())))
    }

    pub(super) fn add_matter(&mut self, new: NewMatter) -> Result<Arc<Matter>, Error> {
        bounded(self.firm().counts().matters, MAX_MATTERS, "matters")?;
        let number = words::number(&new.number)?;
        let name = words::title("matter", &new.name)?;
        let folder_name = words::matter_folder(&number, &name)?;
        if let Some(other) = self.firm().matter_by_number(&number) {
            return Err(Error::Exists(format!("there is a matter {} already: {}", other.number, other.name)));
        }
        if let Some(other) = self.firm().matter_by_folder(&folder_name.folded()) {
            return Err(Error::Exists(format!(
                "the folder of this matter would be called as that of matter {}: {}; choose another number or name",
                other.number, other.folder_name
            )));
        }
        if self.firm().matter(new.id).is_some() {
            return Err(Error::Exists(format!("there is a matter with the id {} already", new.id)));
        }
        let type_name = new.matter_type.trim();
        let kind = self.firm().matter_type(type_name).ok_or_else(|| self.firm().no_type(type_name))?;
        let owner = new.owner.map(|login| self.known_staff(&login)).transpose()?;
        let watch = Watch { owner, ..Watch::default() };
        let parts = MatterParts {
            id: new.id,
            number,
            name,
            folder_name,
            created: Timestamp::now(),
            open: true,
            portal: true,
            areas: Areas::ALL,
            watch,
            quota: None,
            nodes: (0..kind.folder_count()).map(|_| NodeId::random()).collect(),
            former: Vec::new(),
            own_rules: Vec::new(),
        };
        let matter = Matter::assemble(parts, kind);
        Ok(self.put_matter(matter.ok_or_else(|| Error::Damaged("a matter does not fit its matter type".to_owned()))?))
    }
}

impl Firm {
    /// Says that there is no such matter type, and which there are.
    pub(super) fn no_type(&self, name: &str) -> Error {
        let known: Vec<_> = self.matter_types().iter().map(|kind| kind.name().to_owned()).collect();
        let known = if known.is_empty() { "apply one first".to_owned() } else { known.join(", ") };
        Error::NotFound(format!("there is no matter type {}: {known}", quoted(name)))
    }
}
