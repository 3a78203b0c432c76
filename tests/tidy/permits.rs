//! The single mint: a permit, its confirmation and the proof that it is on record are built in one file, each in one place.

use crate::no_findings;
use crate::source::{Source, library};

const MINT: &str = "src/gate/permit.rs";

/// Where a struct of this name is built: `Permit { ..` or `Permit::<O> { ..`, but not its definition and no block that
/// follows a return type.
fn built(source: &Source, name: &str) -> Vec<usize> {
    let code = &source.shipped;
    let at_places = code.match_indices(name).map(|(at, _)| at).filter(|at| {
        let before = code[..*at].trim_end();
        let after = code[at + name.len()..].trim_start();
        let after = match after.strip_prefix("::<") {
            Some(generics) => after_generics(generics).trim_start(),
            None => after,
        };
        let whole = !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let defines = ["struct", "->", "impl", "for", "enum", "trait"].iter().any(|word| before.ends_with(word));
        whole && after.starts_with('{') && !defines
    });
    at_places.map(|at| source.line(at)).collect()
}

/// What follows the `>` that closes a list of generic arguments.
fn after_generics(generics: &str) -> &str {
    let mut depth = 1;
    for (at, c) in generics.char_indices() {
        depth += i32::from(c == '<') - i32::from(c == '>');
        if depth == 0 {
            return &generics[at + 1..];
        }
    }
    ""
}

#[test]
fn permits_are_made_in_one_place() {
    let mut findings = Vec::new();
    for name in ["Permit", "Confirmation", "OnRecord"] {
        let mut minted = 0;
        for source in library() {
            let lines = built(&source, name);
            if source.path == MINT {
                minted += lines.len();
            } else {
                findings.extend(lines.iter().map(|line| format!("{}:{line}: builds a `{name}`", source.path)));
            }
        }
        if minted != 1 {
            findings.push(format!("{MINT}: builds a `{name}` in {minted} places instead of one"));
        }
    }
    no_findings("permits are the gate's alone to make:", findings);
}

#[test]
fn the_fields_of_a_permit_are_private_and_it_cannot_be_copied() {
    let sources = library();
    let mint = sources.iter().find(|source| source.path == MINT).expect("the mint is there");
    let mut findings = Vec::new();
    for name in ["Permit", "Confirmation", "OnRecord"] {
        let (before, after) = mint.shipped.split_once(&format!("pub struct {name}")).expect("defined in the mint");
        let fields = after.split_once('{').and_then(|(_, rest)| rest.split_once('}')).expect("has fields").0;
        if fields.contains("pub") {
            findings.push(format!("{name} has a field that is not private"));
        }
        let attributes = before.rsplit_once("\n\n").map_or(before, |(_, attributes)| attributes);
        if attributes.contains("derive") {
            findings.push(format!("{name} derives: a copy or a default would be a forgery"));
        }
        for copying in ["Clone for", "Copy for", "Default for", "From<"] {
            let forged = sources.iter().filter(|source| source.shipped.contains(&format!("{copying} {name}")));
            findings.extend(forged.map(|source| format!("{}: implements {copying} {name}", source.path)));
        }
    }
    no_findings("a permit must be one of its kind:", findings);
}

#[test]
fn the_kinds_of_operation_are_sealed() {
    let sources = library();
    let operations = sources.iter().find(|source| source.path == "src/gate/operation.rs").expect("they are defined");
    let code = &operations.shipped;
    let sealed = code.contains("pub trait Operation: sealed::Sealed") && code.contains("\nmod sealed {");
    let findings = if sealed { Vec::new() } else { vec![operations.path.clone()] };
    no_findings("who could add an operation could judge it allowed:", findings);
}
