//! Which files are meant.

use std::fs;
use std::path::{Path, PathBuf};

use bourn_hub::{Holds, Hub, HubId};

use crate::{RowError, layout};

/// Most files of a directory that are looked at, and how deep its directories go.
const MOST_FILES: usize = 100_000;
const DEEPEST: usize = 8;

/// Files as somebody names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// A file, a pattern of file names (`data/train-*.parquet`), a directory with a data set in it, or
    /// a hub's (`org/name[@revision]`). What exists goes before a pattern or an id of the same spelling.
    pub path: &'a str,
    /// Of a directory or a hub's data set, which configuration.
    pub config: Option<&'a str>,
    /// Of a directory or a hub's data set, which split.
    pub split: Option<&'a str>,
}

impl Source<'_> {
    /// The files, in the order of their names, downloaded first where they must be.
    ///
    /// # Errors
    /// There is none; more than one configuration or split is there and none is chosen; a choice where
    /// there is nothing to choose from.
    pub fn files(&self) -> Result<Vec<PathBuf>, RowError> {
        let path = Path::new(self.path);
        if path.is_dir() {
            return self.of_directory(path);
        }
        if path.exists() {
            return self.chosen_by_name(vec![path.to_owned()]);
        }
        if self.path.contains(['*', '?', '[']) {
            return self.chosen_by_name(self.of_pattern()?);
        }
        if let Some(id) = HubId::parse(self.path).filter(|_| layout::ending(self.path).is_none()) {
            return self.of_hub(&Hub::from_environment()?, &id);
        }
        // The system says it best.
        fs::metadata(path).map_err(RowError::read(path))?;
        Ok(vec![path.to_owned()])
    }

    /// Files that are named need no choice.
    fn chosen_by_name(&self, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, RowError> {
        match self.config.map(|_| "config").or(self.split.map(|_| "split")) {
            None => Ok(files),
            Some(key) => {
                let problem = format!(
                    "`{key}` has no effect on files that are named; remove it, or name the directory"
                );
                Err(RowError::source(self.path, problem))
            }
        }
    }

    fn of_pattern(&self) -> Result<Vec<PathBuf>, RowError> {
        let refuse = |problem: String| RowError::source(self.path, problem);
        let found = glob::glob(self.path).map_err(|error| refuse(error.to_string()))?;
        let mut files = Vec::new();
        for path in found {
            let path = path.map_err(|error| refuse(error.to_string()))?;
            if path.is_file() {
                files.push(path);
            }
            if files.len() > MOST_FILES {
                return Err(refuse(format!("names more than {MOST_FILES} files")));
            }
        }
        files.sort();
        match files.is_empty() {
            true => Err(refuse("no file has such a name".to_owned())),
            false => Ok(files),
        }
    }

    fn of_directory(&self, dir: &Path) -> Result<Vec<PathBuf>, RowError> {
        let mut files = Vec::new();
        list(dir, "", DEEPEST, &mut files)?;
        files.sort_unstable();
        let chosen = layout::choose(&files, self.config, self.split);
        let chosen = chosen.map_err(|problem| RowError::source(self.path, problem))?;
        Ok(chosen.into_iter().map(|file| dir.join(file)).collect())
    }

    fn of_hub(&self, hub: &Hub, id: &HubId) -> Result<Vec<PathBuf>, RowError> {
        let set = hub.snapshot(Holds::Dataset, id)?;
        let chosen = layout::choose(set.files(), self.config, self.split);
        let chosen = chosen.map_err(|problem| set.error(problem))?;
        let files = chosen.iter().map(|file| set.get(file)).collect::<Result<Vec<_>, _>>()?;
        set.complete()?;
        Ok(files)
    }
}

fn list(dir: &Path, before: &str, depth: usize, files: &mut Vec<String>) -> Result<(), RowError> {
    for entry in fs::read_dir(dir).map_err(RowError::read(dir))? {
        let entry = entry.map_err(RowError::read(dir))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, name) = (entry.path(), format!("{before}{name}"));
        // A link to a directory may lead back to this one.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && depth > 0 {
            list(&path, &format!("{name}/"), depth - 1, files)?;
        } else if path.is_file() {
            if files.len() == MOST_FILES {
                let problem = format!("holds more than {MOST_FILES} files");
                return Err(RowError::no_rows(dir, problem));
            }
            files.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "../tests/unit/source.rs"]
mod tests;
