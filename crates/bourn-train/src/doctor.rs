//! What this machine gives a run, and what is wrong with it: a finding each.
//!
//! Nothing is changed and nothing is downloaded. What is slow to find out is left to the command that
//! is for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use bourn_kernel::Isa;
use bourn_model::{HubSettings, ask_hub};
use bourn_probe::LedgerStore;
use bourn_recipe::Device;
use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, ProcessesToUpdate, RefreshKind, System};

use crate::{TrainError, base, probe, sealed};

/// What the quickstart takes; with less free, no run gets far.
const LITTLE_MEMORY: u64 = 512 << 20;
/// What training a small published model takes.
const SOME_MEMORY: u64 = 4 << 30;
/// A run of the quickstart leaves less than this.
const LITTLE_DISK: u64 = 100 << 20;
/// Checkpoints of a small published model fill this.
const SOME_DISK: u64 = 4 << 30;
/// Bytes whose checksums are looked at in about a second.
const READ_AT_ONCE: u64 = 256 << 20;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Works, and is worth knowing.
    Note,
    /// Something will fail.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub says: String,
    /// What to do about it.
    #[serde(rename = "do")]
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(what: &'static str, says: impl Into<String>) -> Finding {
        Finding { what, state: State::Ok, says: says.into(), remedy: None }
    }

    /// Works, and is worth knowing.
    pub fn note(what: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Finding {
        let remedy = Some(remedy.into()).filter(|remedy| !remedy.is_empty());
        Finding { what, state: State::Note, says: says.into(), remedy }
    }

    /// Something will fail.
    pub fn wrong(
        what: &'static str,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding { what, state: State::Wrong, says: says.into(), remedy: Some(remedy.into()) }
    }
}

/// The processor, and the kernels that run on it.
pub fn processor() -> Finding {
    let with = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(with);
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
    let brand = brand.filter(|brand| !brand.is_empty()).unwrap_or(std::env::consts::ARCH.into());
    let level = Isa::best();
    let says = format!("{brand}; kernels: {}", level.name());
    match level.fused() {
        true => Finding::ok("processor", says),
        false => Finding::note(
            "processor",
            format!("{says}, which are the slow ones: it has no AVX2 with FMA"),
            "",
        ),
    }
}

/// The threads that work: `used` of them. `refused` says what was asked for instead.
pub fn threads(used: usize, refused: Option<String>) -> Finding {
    let may = available_parallelism().map_or(1, usize::from);
    let with = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let there = System::new_with_specifics(with).cpus().len();
    let of = match there > may {
        true => format!(" it may use, {may} of {there}: a CPU limit or affinity leaves no more"),
        false => String::new(),
    };
    let says = match used < may {
        true => format!("{used}, as RAYON_NUM_THREADS says, with {may} cores to use"),
        false => format!("{used}, one for each core{of}"),
    };
    match refused {
        None => Finding::ok("threads", says),
        Some(refused) => Finding::note("threads", format!("{says} ({refused})"), ""),
    }
}

/// Memory that is free, for the machine and within the limit of this process.
pub fn memory() -> Finding {
    let with = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut system = System::new_with_specifics(with);
    let (total, free) = (system.total_memory(), system.available_memory());
    if total == 0 {
        return Finding::note("memory", "the system does not say", "");
    }
    let limit = sysinfo::get_current_pid().ok().and_then(|id| {
        system.refresh_processes(ProcessesToUpdate::Some(&[id]), false);
        system.process(id)?.cgroup_limits()
    });
    let limit = limit.or(system.cgroup_limits()).filter(|limit| limit.total_memory < total);
    let (free, says) = match limit {
        None => (free, format!("{} free of {}", gibibytes(free), gibibytes(total))),
        Some(limit) => {
            let free = free.min(limit.free_memory);
            let (shown, allowed) = (gibibytes(free), gibibytes(limit.total_memory));
            let total = gibibytes(total);
            (free, format!("{shown} free of {allowed}, a cgroup's limit; the machine has {total}"))
        }
    };
    match free {
        0..LITTLE_MEMORY => {
            Finding::wrong("memory", says, "the quickstart alone takes 0.3 GiB: end other programs")
        }
        LITTLE_MEMORY..SOME_MEMORY => Finding::note(
            "memory",
            format!("{says}: enough for the quickstart, and little for a published model"),
            "`bourn train RECIPE --dry-run` says what a run takes",
        ),
        _ => Finding::ok("memory", says),
    }
}

/// The cache of bases and of their draws.
pub fn cache(dir: &Path) -> Vec<Finding> {
    let shown = dir.display();
    let mut findings = vec![match sealed::check_writable(dir) {
        Ok(()) => Finding::ok("cache", format!("{shown} (BOURN_CACHE names another place)")),
        Err(error) => Finding::wrong(
            "cache",
            error.to_string(),
            "set BOURN_CACHE to a directory that can be written in",
        ),
    }];
    findings.push(bases(&dir.join(base::BASES)));
    findings.push(ledgers(&probe::store_dir(dir)));
    findings.extend(free_disk(dir).map(|free| {
        let says = format!("{} free where the cache is", size(free));
        match free {
            0..LITTLE_DISK => Finding::wrong("disk", says, "free some, or move BOURN_CACHE"),
            LITTLE_DISK..SOME_DISK => Finding::note(
                "disk",
                format!("{says}: little for checkpoints of a published model"),
                "",
            ),
            _ => Finding::ok("disk", says),
        }
    }));
    findings
}

/// Pretrained bases: how many, how large, and whether they are whole where that is soon found out.
fn bases(dir: &Path) -> Finding {
    let names: BTreeSet<_> = fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    let (unfinished, whole): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| name.to_string_lossy().starts_with('.'));
    let stopped = whole.iter().filter(|name| base::is_halfway(&dir.join(name))).count();
    let bytes = bytes_below(dir);
    let on_the_way = match stopped {
        0 => String::new(),
        _ => format!(" and {stopped} stopped on the way, which the same recipe goes on with"),
    };
    let says = format!("{} pretrained{on_the_way}, {}", whole.len() - stopped, size(bytes));
    if bytes <= READ_AT_ONCE {
        let damage =
            whole.iter().find_map(|name| base::look_at(&dir.join(name)).err().map(|e| (name, e)));
        if let Some((name, error)) = damage {
            let remedy = format!("delete {}, and it is pretrained again", dir.join(name).display());
            let says = match error {
                TrainError::CachedBase { path, problem, .. } => {
                    format!("{}: {problem}", path.display())
                }
                error => error.to_string(),
            };
            return Finding::wrong("bases", says, remedy);
        }
    }
    match unfinished.first() {
        None => Finding::ok("bases", says),
        Some(name) => Finding::note(
            "bases",
            format!("{says}; {} was not finished", dir.join(name).display()),
            "nothing, if a run is keeping a base now; else the next recipe with a base deletes it",
        ),
    }
}

/// Kept draws: how much, and whether they are whole where that is soon found out.
fn ledgers(dir: &Path) -> Finding {
    if !dir.is_dir() {
        return Finding::ok("ledgers", "none yet");
    }
    let bytes = bytes_below(dir);
    // Compressed, so that there is more to read than they take.
    if bytes > READ_AT_ONCE / 8 {
        let says = format!("{}, unread", size(bytes));
        return Finding::note("ledgers", says, "`bourn ledger verify` reads them all");
    }
    let holdings = match LedgerStore::open(dir).and_then(|store| store.holdings()) {
        Ok(holdings) => holdings,
        Err(error) => {
            return Finding::wrong("ledgers", error.to_string(), "make the directory readable");
        }
    };
    if let Some(damage) = holdings.iter().flat_map(|holding| &holding.damage).next() {
        let remedy =
            "delete the file, and its draws are made again; `bourn ledger verify` names all";
        return Finding::wrong("ledgers", damage.to_string(), remedy);
    }
    let draws: u64 = holdings.iter().map(|holding| holding.draws).sum();
    Finding::ok("ledgers", format!("{draws} draws under {} keys, {}", holdings.len(), size(bytes)))
}

/// Whether runs can be written where they are written by default.
pub fn runs(dir: &Path) -> Finding {
    match sealed::check_writable(dir) {
        Ok(()) => Finding::ok("runs", format!("{} can be written in", dir.display())),
        Err(error) => Finding::wrong(
            "runs",
            error.to_string(),
            "start bourn in a directory of yours, or name one with --run-dir",
        ),
    }
}

/// The devices that this binary was built for, each opened.
pub fn devices() -> Vec<Finding> {
    let mut findings = Vec::new();
    for device in Device::all().filter(|device| !device.is_cpu()) {
        if !bourn_model::built_for(device) {
            continue;
        }
        let further = matches!(device, Device::Cuda(index) if index > 0);
        match bourn_model::open_device(device) {
            Ok(_) => findings.push(Finding::ok("device", format!("{device} computes"))),
            // The others of a machine with one are not missing.
            Err(_) if further => {}
            Err(error) => findings.push(Finding::wrong(
                "device",
                error.to_string(),
                "install its driver, or keep device = \"cpu\"",
            )),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::note(
            "device",
            "the CPU alone: this bourn was built for no GPU",
            "for one, `cargo build --release --features cuda` (NVIDIA), or metal (Apple), vulkan, wgpu",
        ));
    }
    findings
}

/// How models are fetched. The network is left alone unless `ask`.
pub fn hub(ask: bool) -> Vec<Finding> {
    let settings = match HubSettings::from_environment() {
        Ok(settings) => settings,
        Err(error) => {
            let remedy = "set HF_HOME to a directory for downloaded models";
            return vec![Finding::wrong("hub", error.to_string(), remedy)];
        }
    };
    let endpoint = settings.endpoint.map_or(String::new(), |at| format!(", from {at}"));
    let token = if settings.has_token { "a token is set" } else { "no token (HF_TOKEN) is set" };
    let says = format!("models are kept in {}{endpoint}; {token}", settings.cache.display());
    if settings.offline {
        let remedy = "unset it to download models";
        let says = format!("{says}; HF_HUB_OFFLINE: nothing is downloaded");
        return vec![Finding::note("hub", says, remedy)];
    }
    let mut findings = vec![Finding::ok("hub", says)];
    if ask {
        findings.push(match ask_hub() {
            Ok(()) => Finding::ok("network", "the hub answers"),
            Err(error) => Finding::wrong(
                "network",
                error.to_string(),
                "check network and proxy, or use models that are on this machine",
            ),
        });
    }
    findings
}

/// Bytes of all files below `dir`; links are not followed, and what cannot be read does not count.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    });
    bytes.sum()
}

/// Bytes that a user may still write where `path` is or will be; `None` where the system does not say.
#[cfg(unix)]
fn free_disk(path: &Path) -> Option<u64> {
    let place = path.ancestors().find(|place| place.exists()).unwrap_or(Path::new("."));
    let stat = nix::sys::statvfs::statvfs(place).ok()?;
    // Their types differ from system to system.
    #[allow(clippy::unnecessary_cast)]
    Some(stat.blocks_available() as u64 * stat.fragment_size() as u64)
}

#[cfg(not(unix))]
fn free_disk(_: &Path) -> Option<u64> {
    None
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}

/// Bytes of files, as `bourn ledger` writes them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
#[path = "../tests/unit/doctor.rs"]
mod tests;
