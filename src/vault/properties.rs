//! Dead properties: what clients want kept with an entry (RFC 4918 section 4), bounded in number and size.

use super::Vault;
use super::catalog::{Entry, StoredProperty};
use super::changes::settle;
use super::error::Error;
use crate::gate::{Permit, SetProperties, Stat};

/// Properties that one entry may have.
const MAX_PROPERTIES: usize = 100;
/// Bytes of one property, names included: it is one catalog record.
const MAX_PROPERTY_BYTES: usize = 6 * 1024;
/// Bytes of all properties of one entry.
const MAX_BYTES: usize = 64 * 1024;

/// One instruction: store a property, or remove the one of this namespace and name.
pub type PropertyEdit = Result<StoredProperty, (String, String)>;

impl Vault {
    /// The dead properties of the entry that the permit names.
    pub fn properties(&self, permit: &Permit<Stat>) -> Result<Vec<StoredProperty>, Error> {
        self.catalog.properties(permit.target().node)
    }

    /// Stores and removes properties, all of them or none.
    pub fn set_properties(&self, permit: Permit<SetProperties>, edits: Vec<PropertyEdit>) -> Result<Entry, Error> {
        let set = self.put_properties(&permit, edits);
        settle(permit, set)
    }

    fn put_properties(&self, permit: &Permit<SetProperties>, edits: Vec<PropertyEdit>) -> Result<Entry, Error> {
        let node = permit.target().node;
        let found = self.target_entry(permit.target())?;
        let mut present = self.catalog.properties(node)?;
        let mut change = self.catalog.change();
        for edit in edits {
            let (namespace, name) = match &edit {
                Ok(property) => (&property.namespace, &property.name),
                Err((namespace, name)) => (namespace, name),
            };
            let key = self.catalog.property_key(node, namespace, name);
            present.retain(|property| (&property.namespace, &property.name) != (namespace, name));
            match edit {
                Ok(property) => {
                    if bytes_of(&property) > MAX_PROPERTY_BYTES {
                        return Err(Error::Limit("bytes of a property"));
                    }
                    change.put(&key, &property);
                    present.push(property);
                }
                Err(_) => drop(change.delete(&key)),
            }
        }
        if present.len() > MAX_PROPERTIES || present.iter().map(bytes_of).sum::<usize>() > MAX_BYTES {
            return Err(Error::Limit("properties of one entry"));
        }
        let entry = Entry { properties: present.len() as u16, ..found.value.clone() };
        change.if_unchanged(&found).put(found.key(), &entry).commit()?;
        Ok(entry)
    }
}

fn bytes_of(property: &StoredProperty) -> usize {
    property.xml.len() + property.name.len() + property.namespace.len()
}
