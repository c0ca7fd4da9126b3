//! The run directory: who may write into it, and what a resumed run must agree with.

mod error;
mod lock;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bourn_model::Bundle;
use bourn_recipe::Recipe;

pub use self::error::RunDirError;
pub(crate) use self::lock::Lock;
use self::lock::{LOCK, lock};
use crate::checkpoint::{self, Checked, Restored};
use crate::error::TrainError;
use crate::sealed;
use crate::world::{World, together};

/// The resolved recipe of a run or a probe.
pub(crate) const RECIPE: &str = "recipe.toml";
/// What a run writes beside its recipe and its lock; each is made anew by one that starts over.
const RECORDS: [&str; 4] = ["metrics.jsonl", "timing.jsonl", "tensorboard", "boundary"];

/// How a run begins.
pub(crate) enum RunStart {
    /// From the base, at step 0.
    Fresh,
    /// From a checkpoint.
    Resume(Box<Restored>),
}

/// A run directory that has been looked at.
pub(crate) struct Claim {
    /// How the run begins.
    pub start: RunStart,
    /// Held already where there is a run to resume.
    lock: Option<Lock>,
}

/// What is in a run directory.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// Nothing, or what a run leaves that ended before it had written its recipe.
    Nothing,
    /// A run, of which it is known what recipe it is of.
    Run,
    /// A run, of which it is not.
    RunWithoutRecipe,
    /// This, which no run writes.
    Other(String),
}

impl Found {
    fn at(dir: &Path) -> Found {
        if dir.join(RECIPE).exists() || checkpoint::tells_recipe(dir) {
            return Found::Run;
        }
        // What cannot be listed cannot be written in, which is found out next.
        let Ok(entries) = fs::read_dir(dir) else { return Found::Nothing };
        let (mut locked, mut record, mut other) = (false, false, None);
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let is_empty = entry.metadata().is_ok_and(|metadata| metadata.len() == 0);
            match name.to_str() {
                Some(LOCK) if is_file && is_empty => locked = true,
                Some(name) if is_file && sealed::is_unfinished(name) => {}
                Some(name) if RECORDS.contains(&name) || name == checkpoint::DIRECTORY => {
                    record = true;
                    other = Some(name.to_owned());
                }
                _ => other = Some(name.to_string_lossy().into_owned()),
            }
        }
        let is_run = record && locked || checkpoint::list(dir).is_ok_and(|steps| !steps.is_empty());
        match other {
            _ if is_run => Found::RunWithoutRecipe,
            Some(name) => Found::Other(name),
            None => Found::Nothing,
        }
    }
}

/// [`check`] by the process that writes; the others follow what it found.
///
/// # Errors
/// As [`check`].
pub(crate) fn look(
    world: &dyn World,
    dir: &Path,
    recipe: &Recipe,
    resume: bool,
) -> Result<Claim, TrainError> {
    let writes = world.writes();
    let claim = writes.then(|| check(dir, recipe, resume)).transpose();
    if let Some(claim) = together(world, claim)? {
        return Ok(claim);
    }
    let checked = if resume { checkpoint::check_newest(dir)? } else { None };
    Ok(Claim { start: start_of(checked)?, lock: None })
}

fn start_of(checked: Option<Checked>) -> Result<RunStart, TrainError> {
    match checked {
        Some(checked) => Ok(RunStart::Resume(Box::new(checked.open()?))),
        // Killed before the first checkpoint: there is nothing to lose in starting over.
        None => Ok(RunStart::Fresh),
    }
}

/// Looks at `dir`: it must be free for a new run, or hold the run to resume. Nothing is written,
/// but what a killed process left unfinished among the checkpoints to resume from is cleared up.
///
/// # Errors
/// A directory that holds anything is refused without `resume`; with it, a directory without a
/// run and a changed recipe are. A directory that cannot be written in is refused in any case.
/// Whatever command the error names is one that goes on.
pub(crate) fn check(dir: &Path, recipe: &Recipe, resume: bool) -> Result<Claim, TrainError> {
    let path = dir.to_owned();
    match (Found::at(dir), resume) {
        (Found::Other(found), _) => Err(RunDirError::NotARun { path, found }.into()),
        (Found::RunWithoutRecipe, _) => Err(RunDirError::RecipeLost { path }.into()),
        (Found::Run, false) => Err(RunDirError::RunExists { path }.into()),
        (Found::Nothing, true) => Err(RunDirError::NothingToResume { path }.into()),
        (Found::Nothing, false) => {
            sealed::check_writable(dir)?;
            Ok(Claim { start: RunStart::Fresh, lock: None })
        }
        (Found::Run, true) => {
            sealed::check_writable(dir)?;
            let lock = Some(lock(dir)?);
            sealed::settle(&checkpoint::directory(dir))?;
            let checked = checkpoint::check_newest(dir)?;
            check_recipe_of(dir, checked.as_ref(), recipe)?;
            Ok(Claim { start: start_of(checked)?, lock })
        }
    }
}

/// The recipe must be that of the run: of its checkpoint, or of its directory where there is none that
/// says.
fn check_recipe_of(
    dir: &Path,
    checked: Option<&Checked>,
    recipe: &Recipe,
) -> Result<(), TrainError> {
    let path = dir.join(RECIPE);
    let known = checked.and_then(|checked| Some((&checked.path, checked.written.as_ref()?)));
    match known {
        Some((checkpoint, written)) => {
            check_recipe(checkpoint, written.recipe(), &recipe.to_toml())
        }
        None if path.exists() => check_same(dir, recipe),
        None => Err(RunDirError::RecipeLost { path: dir.into() }.into()),
    }
}

/// Says where the recipe in `run_dir` is not that of one of its checkpoints.
///
/// # Errors
/// It cannot be read.
pub(crate) fn recipe_fault(
    run_dir: &Path,
    restored: &Restored,
) -> Result<Option<String>, TrainError> {
    let Some(written) = &restored.written else { return Ok(None) };
    let path = run_dir.join(RECIPE);
    let there = sealed::read_text(&path)?;
    Ok(match check_recipe(&path, written.recipe(), &there) {
        Err(TrainError::RunDir(RunDirError::RecipeChanged { path, key, was, now })) => {
            let path = path.display();
            Some(format!("{path} is not the recipe of the run: `{key}` was {was} and is {now}"))
        }
        _ => None,
    })
}

/// Whether a run was begun in `dir`.
pub(crate) fn is_begun(dir: &Path) -> bool {
    matches!(Found::at(dir), Found::Run | Found::RunWithoutRecipe)
}

/// Whether two lines give a key the same number, written in another way: earlier versions wrote
/// `0.00000001` for `1e-8`.
fn same_number(was: Option<&str>, now: Option<&str>) -> bool {
    let number = |line: Option<&str>| {
        let (key, value) = line?.split_once(" = ")?;
        Some((key.to_owned(), value.parse::<f64>().ok()?))
    };
    number(was).is_some_and(|was| number(now) == Some(was))
}

/// A run that was begun in `dir` must be of this recipe.
///
/// # Errors
/// Names the first key that differs.
pub(crate) fn check_same(dir: &Path, recipe: &Recipe) -> Result<(), TrainError> {
    let path = dir.join(RECIPE);
    match path.exists() {
        true => check_recipe(&path, &sealed::read_text(&path)?, &recipe.to_toml()),
        false => Ok(()),
    }
}

/// A run directory that is this run's.
pub(crate) struct Claimed {
    /// How the run begins.
    pub start: RunStart,
    /// Of the process that writes.
    pub lock: Option<Lock>,
    /// What was put right, for the user to know.
    pub told: Option<String>,
}

/// Makes `dir` the directory of this run and keeps other processes out of it, for the process that
/// writes; the others have no lock. A fresh start clears the records of a run that was killed before
/// its first checkpoint.
///
/// # Errors
/// Another process is at work there.
pub(crate) fn claim(
    world: &dyn World,
    dir: &Path,
    recipe: &Recipe,
    claim: Claim,
) -> Result<Claimed, TrainError> {
    let claimed = match world.writes() {
        true => take(dir, recipe, claim),
        false => Ok(Claimed { start: claim.start, lock: None, told: None }),
    };
    together(world, claimed)
}

fn take(dir: &Path, recipe: &Recipe, claim: Claim) -> Result<Claimed, TrainError> {
    fs::create_dir_all(dir).map_err(TrainError::io(dir, "creating the run directory"))?;
    let Claim { start, lock: held } = claim;
    let lock = match held {
        Some(lock) => lock,
        None => lock(dir)?,
    };
    drop_unfinished(dir)?;
    let path = dir.join(RECIPE);
    if let RunStart::Resume(restored) = &start {
        drop_unfinished(&dir.join("boundary"))?;
        let mut told = None;
        if let Some(written) = &restored.written {
            let there = sealed::read_text(&path).ok();
            if there.as_deref() != Some(written.recipe()) {
                sealed::replace_file(&path, written.recipe().as_bytes())?;
                let was = if there.is_some() { "not that of the run" } else { "missing" };
                told = Some(format!(
                    "{} was {was}; it is put back as the checkpoint has it",
                    path.display()
                ));
            }
        }
        checkpoint::prune(dir, restored.state.step, recipe.checkpoint.keep_last)?;
        return Ok(Claimed { start, lock: Some(lock), told });
    }
    for name in RECORDS {
        let path = dir.join(name);
        let cleared = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        cleared.map_err(TrainError::io(&path, "clearing old records"))?;
    }
    sealed::replace_file(&path, recipe.to_toml().as_bytes())?;
    Ok(Claimed { start, lock: Some(lock), told: None })
}

/// How the names of files begin that are written beside their places. Nobody else is writing any, since
/// the run directory is locked; what else begins with a dot is not ours.
const UNFINISHED: [&str; 3] = [sealed::WRITING, ".ledger-", ".resume-"];

/// Removes what a killed process left half-written.
fn drop_unfinished(dir: &Path) -> Result<(), TrainError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TrainError::io(dir, "listing the directory")(error)),
    };
    for entry in entries {
        let path = entry.map_err(TrainError::io(dir, "listing the directory"))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if UNFINISHED.iter().any(|prefix| name.starts_with(prefix)) && path.is_file() {
            fs::remove_file(&path).map_err(TrainError::io(&path, "removing an unfinished file"))?;
        }
    }
    Ok(())
}

/// The checkpoint must have started from the base that the recipe gives now.
pub(crate) fn check_base(restored: &Restored, base: &Bundle) -> Result<(), TrainError> {
    let (path, was, now) = (&restored.path, &restored.state.base, &base.weights_hash);
    match was == now {
        true => Ok(()),
        false => {
            let (path, was, now) = (path.clone(), was.clone(), now.clone());
            Err(RunDirError::BaseChanged { path, was, now }.into())
        }
    }
}

/// The checkpoint must have started with the problems that the recipe gives now: the recipe names
/// data files, and says nothing of what is in them.
pub(crate) fn check_problems(restored: &Restored, now: &str) -> Result<(), TrainError> {
    let was = &restored.state.problems;
    match was.is_empty() || was == now {
        true => Ok(()),
        false => Err(RunDirError::ProblemsChanged { path: restored.path.clone() }.into()),
    }
}

/// Compares two resolved recipes line by line and names the first key that differs.
fn check_recipe(path: &Path, was: &str, now: &str) -> Result<(), TrainError> {
    let mut section = String::new();
    let (mut old, mut new) = (was.lines(), now.lines());
    loop {
        let (was, now) = (old.next(), new.next());
        if was.is_none() && now.is_none() {
            return Ok(());
        }
        if was == now || same_number(was, now) {
            if let Some(line) = was.filter(|line| line.starts_with('[')) {
                section = line.trim_matches(['[', ']']).to_owned() + ".";
            }
            continue;
        }
        let value = |line: Option<&str>| {
            let line = line.unwrap_or("absent");
            line.split_once(" = ").map_or(line, |(_, value)| value).to_owned()
        };
        let key = was.or(now).and_then(|line| line.split(" = ").next()).unwrap_or_default();
        let error = RunDirError::RecipeChanged {
            path: path.into(),
            key: format!("{section}{key}"),
            was: value(was),
            now: value(now),
        };
        return Err(error.into());
    }
}
