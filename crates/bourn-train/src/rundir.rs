//! The run directory: who may write into it, and what a resumed run must agree with.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use bourn_model::Bundle;
use bourn_recipe::Recipe;

use crate::checkpoint::{self, Restored};
use crate::error::TrainError;
use crate::sealed;
use crate::world::{World, together};

/// The resolved recipe of a run or a probe.
pub(crate) const RECIPE: &str = "recipe.toml";
/// Empty; whoever holds its lock is at work in the directory.
const LOCK: &str = ".lock";

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
    let restored = if resume { checkpoint::restore(dir)? } else { None };
    let start = restored.map_or(RunStart::Fresh, |restored| RunStart::Resume(Box::new(restored)));
    Ok(Claim { start, lock: None })
}

/// Looks at `dir`: it must be free for a new run, or hold the run to resume. Nothing is written,
/// but what a killed process left unfinished among the checkpoints to resume from is cleared up.
///
/// # Errors
/// A directory that holds anything is refused without `resume`; with it, a directory without a
/// run and a changed recipe are. A directory that cannot be written in is refused in any case.
pub(crate) fn check(dir: &Path, recipe: &Recipe, resume: bool) -> Result<Claim, TrainError> {
    let path = dir.join(RECIPE);
    if !resume {
        let occupied = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            return Err(TrainError::RunExists { path: dir.into() });
        }
        sealed::check_writable(dir)?;
        return Ok(Claim { start: RunStart::Fresh, lock: None });
    }
    if !path.exists() {
        return Err(TrainError::NothingToResume { path: dir.into() });
    }
    check_recipe(&path, &sealed::read_text(&path)?, &recipe.to_toml())?;
    sealed::check_writable(dir)?;
    let lock = Some(lock(dir)?);
    sealed::settle(&checkpoint::directory(dir))?;
    let start = match checkpoint::restore(dir)? {
        Some(restored) => RunStart::Resume(Box::new(restored)),
        // Killed before the first checkpoint: there is nothing to lose in starting over.
        None => RunStart::Fresh,
    };
    Ok(Claim { start, lock })
}

/// Whether a run was begun in `dir`.
pub(crate) fn is_begun(dir: &Path) -> bool {
    dir.join(RECIPE).exists()
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
    match is_begun(dir) {
        true => check_recipe(&path, &sealed::read_text(&path)?, &recipe.to_toml()),
        false => Ok(()),
    }
}

/// Keeps other processes out of a run directory while it lives.
#[derive(Debug)]
pub(crate) struct Lock(
    #[expect(dead_code, reason = "the lock is held for as long as the file is open")] File,
);

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
) -> Result<(RunStart, Option<Lock>), TrainError> {
    let claimed = match world.writes() {
        true => take(dir, recipe, claim).map(|(start, lock)| (start, Some(lock))),
        false => Ok((claim.start, None)),
    };
    together(world, claimed)
}

fn take(dir: &Path, recipe: &Recipe, claim: Claim) -> Result<(RunStart, Lock), TrainError> {
    fs::create_dir_all(dir).map_err(TrainError::io(dir, "creating the run directory"))?;
    let Claim { start, lock: held } = claim;
    let lock = match held {
        Some(lock) => lock,
        None => lock(dir)?,
    };
    if matches!(start, RunStart::Resume(_)) {
        drop_unfinished(&dir.join("boundary"))?;
        return Ok((start, lock));
    }
    fs::create_dir_all(dir).map_err(TrainError::io(dir, "creating the run directory"))?;
    for name in ["metrics.jsonl", "timing.jsonl"] {
        let path = dir.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(TrainError::io(&path, "clearing old records"))?;
        }
    }
    for name in ["tensorboard", "boundary"] {
        let path = dir.join(name);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(TrainError::io(&path, "clearing old records"))?;
        }
    }
    sealed::replace_file(&dir.join(RECIPE), recipe.to_toml().as_bytes())?;
    Ok((start, lock))
}

/// Removes what a killed process left half-written: the names of such files begin with a dot, and no
/// other's do. Nobody else is writing, since the run directory is locked.
fn drop_unfinished(dir: &Path) -> Result<(), TrainError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TrainError::io(dir, "listing the directory")(error)),
    };
    for entry in entries {
        let path = entry.map_err(TrainError::io(dir, "listing the directory"))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            fs::remove_file(&path).map_err(TrainError::io(&path, "removing an unfinished file"))?;
        }
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<Lock, TrainError> {
    let path = dir.join(LOCK);
    let file = File::create(&path).map_err(TrainError::io(&path, "creating the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(TrainError::RunBusy { path: dir.into() }),
        Err(TryLockError::Error(error)) => Err(TrainError::io(&path, "locking")(error)),
    }
}

/// The checkpoint must have started from the base that the recipe gives now.
pub(crate) fn check_base(restored: &Restored, base: &Bundle) -> Result<(), TrainError> {
    let (path, was, now) = (&restored.path, &restored.state.base, &base.weights_hash);
    match was == now {
        true => Ok(()),
        false => {
            Err(TrainError::BaseChanged { path: path.clone(), was: was.clone(), now: now.clone() })
        }
    }
}

/// The checkpoint must have started with the problems that the recipe gives now: the recipe names
/// data files, and says nothing of what is in them.
pub(crate) fn check_problems(restored: &Restored, now: &str) -> Result<(), TrainError> {
    let was = &restored.state.problems;
    match was.is_empty() || was == now {
        true => Ok(()),
        false => Err(TrainError::ProblemsChanged { path: restored.path.clone() }),
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
        return Err(TrainError::RecipeChanged {
            path: path.into(),
            key: format!("{section}{key}"),
            was: value(was),
            now: value(now),
        });
    }
}
