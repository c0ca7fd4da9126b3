//! How many threads and runs work at once: no more than there are cores.
//!
//! Rayon makes as many threads as `RAYON_NUM_THREADS` says. Those that wait for work spin, so that some
//! thousands of them take the machine down.

use std::env;
use std::thread::available_parallelism;

use bourn_track::Console;
use rayon::ThreadPoolBuilder;

/// Where rayon looks, the second where the first is not set.
const NAMES: [&str; 2] = ["RAYON_NUM_THREADS", "RAYON_RS_NUM_CPUS"];

/// Cores that this process may use.
fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Keeps the threads of this process to one a core, and says so where more were asked for. To be
/// called before there is work for them.
pub(crate) fn bound(console: &Console) {
    let Some(message) = refused() else { return };
    console.warn(message);
    if let Err(error) = ThreadPoolBuilder::new().num_threads(cores()).build_global() {
        console.warn(format!("the number of threads cannot be set: {error}"));
    }
}

/// Why the number of threads that the environment asks for is not taken; `None` where it is taken, or
/// nothing is asked for.
pub(crate) fn refused() -> Option<String> {
    let set = NAMES.into_iter().find_map(|name| Some((name, env::var_os(name)?)));
    let (name, value) = set.filter(|(_, value)| !value.is_empty())?;
    refusal(name, &value.to_string_lossy(), cores())
}

/// Why the number of threads that `name` asks for is not taken, and what is; `None` where it is taken.
/// As rayon has it, 0 stands for one a core.
fn refusal(name: &str, value: &str, cores: usize) -> Option<String> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse::<usize>() {
        Ok(asked) if asked <= cores => None,
        Err(_) if !digits => Some(format!(
            "{name}={value} is not a number of threads: {cores} are taken, one a core"
        )),
        _ => Some(format!(
            "{name}={value} asks for more threads than there are cores: {cores} are taken"
        )),
    }
}

/// The runs that go at once where `--jobs` asks for so many, and says so where these are fewer.
pub(crate) fn bounded_jobs(asked: usize, console: &Console) -> usize {
    let cores = cores();
    if asked > cores {
        console.warn(format!(
            "--jobs {asked} asks for more runs at once than there are cores: {cores} are made"
        ));
    }
    asked.min(cores)
}

#[cfg(test)]
#[path = "../tests/unit/threads.rs"]
mod tests;
