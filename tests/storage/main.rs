//! The catalog's engines, each held to the same contract: conformance, kill -9 at random moments, a full disk, damage.

mod conformance;
mod conversion;
mod crash;
mod damage;
mod full_disk;
mod sealing;
mod support;
