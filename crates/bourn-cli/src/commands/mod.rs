//! One module a command.

pub(crate) mod ablate;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod man;
pub(crate) mod probe;
pub(crate) mod recipe;
pub(crate) mod report;
pub(crate) mod sample;
pub(crate) mod score;
pub(crate) mod train;
pub(crate) mod verify;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};
use bourn_foreign::visible;
use bourn_model::{Bundle, ModelConfig};
use bourn_probe::{Boundary, Examples};
use bourn_recipe::Device;
use bourn_rollout::{EngineOptions, Storage};
use bourn_track::{boundary_table, comparison, examples_table, words};
use bourn_train::{checkpoint, memory};

/// Opens a model; a run directory is none, and the error names the checkpoint that is.
pub(crate) fn open_model(source: &str) -> anyhow::Result<Bundle> {
    let run = Path::new(source);
    if let Some(&step) = checkpoint::list(run)?.last() {
        let checkpoint = checkpoint::path(run, step);
        bail!(
            "{source} is a run, not a model: give one of its checkpoints, such as {}",
            checkpoint.display()
        );
    }
    Ok(bourn_model::open(source)?)
}

/// Engine settings for `rows` sequences of at most `length` tokens. The cache is an upper bound:
/// memory is taken as sequences grow.
pub(crate) fn engine_for(
    config: &ModelConfig,
    device: Device,
    rows: usize,
    length: usize,
) -> EngineOptions {
    let length = length.min(config.max_position);
    let cache_bytes = memory::cache_bytes(device, config, rows, length) as usize;
    EngineOptions { batch_size: rows, cache_bytes, storage: Storage::F32 }
}

/// Problems never solved again, or newly solved, that are shown with their texts, of each.
const EXAMPLES: usize = 5;

/// What probes have found, one for each set: what matters in some twenty lines, or all of it.
pub(crate) fn figures(boundaries: &[Boundary], examples: &[Examples], full: bool) -> String {
    let one = |(index, boundary): (usize, &Boundary)| {
        let examples = examples.get(index);
        if !full {
            return comparison(boundary, examples);
        }
        let mut text = boundary_table(boundary) + "\n";
        for (title, list) in examples.into_iter().flat_map(|examples| {
            [
                (words::NEVER_SOLVED_AGAIN, &examples.never_solved_again),
                (words::NEWLY_SOLVED, &examples.newly_solved),
            ]
        }) {
            if !list.is_empty() {
                text += &format!("\n{title}:\n{}\n", examples_table(list, EXAMPLES));
            }
        }
        text
    };
    let texts: Vec<String> = boundaries.iter().enumerate().map(one).collect();
    texts.join("\n\n")
}

/// Prints a result on standard output, for eyes: what names and texts from elsewhere would do to a
/// terminal is written out.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_raw(&visible(text))
}

/// Prints JSON, which stays the same JSON.
pub(crate) fn print_json(text: &str) -> anyhow::Result<()> {
    print_raw(&bourn_foreign::json(text))
}

/// Prints a text that another program is to read: as it is, unless a terminal is all that reads it.
pub(crate) fn print_text(text: &str) -> anyhow::Result<()> {
    match io::stdout().is_terminal() {
        true => print(text),
        false => print_raw(text),
    }
}

/// Prints a text as it is, whatever it does to a terminal.
pub(crate) fn print_raw(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let end: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end));
    written.and_then(|()| out.flush()).context("writing to standard output")
}

/// Where a command is to write many files: a link that leads nowhere is none, and making a directory
/// there says that it exists.
pub(crate) fn check_directory(path: &Path) -> anyhow::Result<()> {
    let link = path.symlink_metadata().is_ok_and(|found| found.is_symlink()) && !path.exists();
    match link {
        true => bail!(
            "{} is a link to {}, which is not there: make that directory, or remove the link",
            path.display(),
            path.read_link()?.display()
        ),
        false => Ok(()),
    }
}

/// Writes a file that is there whole or not at all. A file that is there already is replaced only if
/// `replace`.
pub(crate) fn write_file(path: &Path, bytes: &[u8], replace: bool) -> anyhow::Result<()> {
    let shown = path.display();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // For everyone whom the directory is for; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut scratch = builder
        .prefix(".bourn-")
        .tempfile_in(dir)
        .with_context(|| format!("{}: trying to write in the directory", dir.display()))?;
    scratch.write_all(bytes).with_context(|| format!("{shown}: writing the file"))?;
    let written = match replace {
        true => scratch.persist(path),
        false => scratch.persist_noclobber(path),
    };
    written
        .map(drop)
        .map_err(|error| error.error)
        .with_context(|| format!("{shown}: writing the file"))
}

/// Whether `error` says that nobody reads standard output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error with its causes, outermost first. Our own error types say their cause themselves: a
/// cause that has been said is not said twice.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
