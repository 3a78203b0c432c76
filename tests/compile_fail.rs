//! What the compiler refuses: each file in `compile_fail/` is an attempt to get at a document without a permit for it,
//! and stands beside the error that it must meet. Made anew with `TRYBUILD=overwrite cargo test --test compile_fail`.

#[test]
fn a_permit_cannot_be_forged_copied_reused_or_aimed_elsewhere() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
