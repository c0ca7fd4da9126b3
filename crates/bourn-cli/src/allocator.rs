//! The allocator, and what it is told.

// glibc returns large buffers to the kernel after every operation, which cost a third of CPU
// training in page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Has the allocator keep what it has. Gradients, activations and the engine's weights come and go with
/// every step; given back in between, each of their pages is cleared again by the kernel, an eighth of
/// the processor time of a step of SmolLM2-135M.
///
/// mimalloc reads its options from the environment before `main`, so that the process starts over with
/// the option set. Where that fails it goes on without.
pub(crate) fn keep_memory() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;

        const OPTION: &str = "MIMALLOC_PURGE_DELAY";
        let mut args = std::env::args_os();
        if std::env::var_os(OPTION).is_some() {
            return;
        }
        if let (Ok(program), Some(name)) = (std::env::current_exe(), args.next()) {
            let mut again = std::process::Command::new(program);
            let _failed = again.arg0(name).args(args).env(OPTION, "-1").exec();
        }
    }
}
