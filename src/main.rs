//! The `deedbox` program; everything is in the library.

fn main() -> std::process::ExitCode {
    deedbox::cli::main()
}
