//! The `deedbox` program; everything is in the library.

/// Gives back what it no longer needs, and takes less processor time than the system's (see ARCHITECTURE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    deedbox::cli::main()
}
