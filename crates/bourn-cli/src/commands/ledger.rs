//! `bourn ledger ls|verify|gc`.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::bail;
use bourn_foreign::visible;
use bourn_probe::{Holding, LedgerStore, StoreSweep};
use bourn_track::Console;
use serde::Serialize;

use super::{print, print_json};

/// Look after the draws of frozen bases that are kept for all runs
#[derive(clap::Args)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    command: LedgerCommand,
}

#[derive(clap::Subcommand)]
enum LedgerCommand {
    /// What is kept: model, sampler, problems, draws, size, last use
    Ls(LedgerQuery),
    /// Read every file to its last byte; the exit code is 0 only if all are whole
    Verify(LedgerQuery),
    /// Merge the files of each model and sampler, and remove what no run will read
    Gc(Collect),
}

#[derive(clap::Args)]
struct LedgerQuery {
    /// The store [default: ledgers in the cache directory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Collect {
    /// The store [default: ledgers in the cache directory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Also remove what no run has used for this many days
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(crate) fn run(args: &LedgerArgs, console: &Console) -> anyhow::Result<()> {
    match &args.command {
        LedgerCommand::Ls(look) => ls(look),
        LedgerCommand::Verify(look) => verify(look),
        LedgerCommand::Gc(collect) => gc(collect, console),
    }
}

/// Opens the store, which a command that only looks does not make.
fn open(dir: &Option<PathBuf>) -> anyhow::Result<LedgerStore> {
    let dir = dir
        .clone()
        .unwrap_or_else(|| bourn_train::probe::store_dir(&bourn_train::base::default_cache_dir()));
    if !dir.is_dir() {
        bail!("{}: there is no store of ledgers here", dir.display());
    }
    Ok(LedgerStore::open(dir)?)
}

/// A line of `ls --json` and `verify --json`.
#[derive(Serialize)]
struct LedgerLine<'a> {
    address: &'a str,
    #[serde(flatten)]
    key: Option<&'a bourn_probe::LedgerKey>,
    problems: usize,
    draws: u64,
    files: usize,
    bytes: u64,
    /// Seconds since 1970.
    last_use: Option<u64>,
    /// Files of another version of the format.
    outdated: Vec<String>,
    /// Files under a key of an older format.
    superseded: Vec<String>,
    damage: Vec<String>,
}

fn json(holdings: &[Holding]) -> anyhow::Result<()> {
    let mut text = String::new();
    for holding in holdings {
        let seconds = holding.last_use.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let shown =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
        let line = LedgerLine {
            address: &holding.address,
            key: holding.key.as_ref(),
            problems: holding.problems,
            draws: holding.draws,
            files: holding.files,
            bytes: holding.bytes,
            last_use: seconds.map(|since| since.as_secs()),
            outdated: shown(&holding.outdated),
            superseded: shown(&holding.superseded),
            damage: holding.damage.iter().map(ToString::to_string).collect(),
        };
        text += &serde_json::to_string(&line)?;
        text.push('\n');
    }
    if text.is_empty() { Ok(()) } else { print_json(&text) }
}

fn ls(look: &LedgerQuery) -> anyhow::Result<()> {
    let holdings = open(&look.dir)?.holdings()?;
    if look.json {
        return json(&holdings);
    }
    let mut rows = vec![
        ["key", "model", "sampler", "problems", "draws", "files", "size", "last use"]
            .map(str::to_owned),
    ];
    for holding in &holdings {
        let key = |of: fn(&bourn_probe::LedgerKey) -> &str| {
            holding.key.as_ref().map_or("unreadable", of).to_owned()
        };
        let used = holding.last_use.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        rows.push([
            holding.address.chars().take(12).collect(),
            key(|key| &key.weights).chars().take(12).collect(),
            match holding.superseded.is_empty() {
                true => key(|key| &key.sampler),
                false => "under a key of an older format; gc removes it".to_owned(),
            },
            holding.problems.to_string(),
            holding.draws.to_string(),
            holding.files.to_string(),
            size(holding.bytes),
            used.map_or("unknown".to_owned(), |since| date(since.as_secs())),
        ]);
    }
    print(&table(&rows))
}

fn verify(look: &LedgerQuery) -> anyhow::Result<()> {
    let holdings = open(&look.dir)?.holdings()?;
    if look.json {
        json(&holdings)?;
    } else {
        let files: usize = holdings.iter().map(|holding| holding.files).sum();
        let draws: u64 = holdings.iter().map(|holding| holding.draws).sum();
        let mut text = String::new();
        for holding in &holdings {
            for path in &holding.outdated {
                text += &format!("{}: of another version of the format\n", path.display());
            }
            for path in &holding.superseded {
                let path = path.display();
                text += &format!("{path}: under a key of an older format, which no run asks for\n");
            }
            for damage in &holding.damage {
                text += &format!("{damage}\n");
            }
        }
        let (files, keys) = (count(files, "file"), count(holdings.len(), "key"));
        print(&format!("{text}{files} of {keys}, {}", count(draws as usize, "draw")))?;
    }
    let damaged: usize = holdings.iter().map(|holding| holding.damage.len()).sum();
    match damaged {
        0 => Ok(()),
        _ => bail!("{} damaged", count(damaged, "ledger file")),
    }
}

fn gc(collect: &Collect, console: &Console) -> anyhow::Result<()> {
    let unused_for = collect.older_than.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let sweep = StoreSweep { unused_for, dry_run: collect.dry_run };
    let sweeping = open(&collect.dir)?.sweep(&sweep)?;
    let mut text = String::new();
    let would = if collect.dry_run { "would remove" } else { "removed" };
    for swept in &sweeping.swept {
        let (path, size, why) = (swept.path.display(), size(swept.bytes), swept.why.words());
        text += &format!("{would} {path} ({size}): {why}\n");
    }
    for address in &sweeping.in_use {
        console.line(format!("left alone: a run is using {address}"));
    }
    let bytes: u64 = sweeping.swept.iter().map(|swept| swept.bytes).sum();
    let (files, freed) = (count(sweeping.swept.len(), "file"), size(bytes));
    let written = match sweeping.written {
        0 => String::new(),
        bytes => format!(", {} written in their place", size(bytes)),
    };
    print(&format!("{text}{would} {files} of {freed}{written}"))?;
    match sweeping.damage.first() {
        None => Ok(()),
        Some(damage) => bail!("left alone with all of its key: {damage}"),
    }
}

/// Columns side by side, numbers or not.
fn table(rows: &[[String; 8]]) -> String {
    let shown = |row: &[String; 8]| row.each_ref().map(|cell| visible(cell).into_owned());
    let rows: Vec<[String; 8]> = rows.iter().map(shown).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let pad = width(column).unwrap_or(0) - cell.chars().count();
            let (left, right) = if (3..7).contains(&column) { (pad, 0) } else { (0, pad) };
            text += &format!("{:left$}{cell}{:right$}  ", "", "");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// A number with its noun, in the plural where it takes one.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Bytes in the largest unit that leaves at least one.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// The day of a time in seconds since 1970, in UTC (Fliegel and Van Flandern 1968).
fn date(seconds: u64) -> String {
    let l = (seconds / 86_400) as i64 + 2_440_588 + 68_569;
    let n = 4 * l / 146_097;
    let l = l - (146_097 * n + 3) / 4;
    let i = 4000 * (l + 1) / 1_461_001;
    let l = l - 1461 * i / 4 + 31;
    let j = 80 * l / 2447;
    let (day, l) = (l - 2447 * j / 80, j / 11);
    let (month, year) = (j + 2 - 12 * l, 100 * (n - 49) + i + l);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
#[path = "../../tests/unit/commands/ledger.rs"]
mod tests;
