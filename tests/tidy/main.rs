//! The architecture's rules, held against the source itself: who may import whom, where protocols and ciphers live,
//! where a permit is made, and the habits that keep files readable. ARCHITECTURE.md says why; these tests say where.

mod crates;
mod habits;
mod layers;
mod permits;
mod source;
mod vendor;

/// Fails with all findings at once, one a line.
fn no_findings(rule: &str, mut findings: Vec<String>) {
    findings.sort();
    findings.dedup();
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
