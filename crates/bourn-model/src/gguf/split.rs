//! A model in several GGUF files, as llama.cpp's `llama-gguf-split` writes them: the first has the
//! metadata, each has some of the tensors.

use std::path::{Path, PathBuf};

use super::reader::Gguf;
use crate::ModelError;

/// Most files of a model, each of which is held open; published ones have a few dozen.
const MAX_PARTS: usize = 256;

const NO: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

/// Joins a file that is one of several to the others, which lie beside it and are named as it is; a file
/// that is alone is as it was.
pub(super) fn join(given: Gguf, kept: &mut u64) -> Result<Gguf, ModelError> {
    let count = given.size(COUNT)?.unwrap_or(0);
    if count <= 1 {
        return Ok(given);
    }
    if count > MAX_PARTS {
        let message = format!("{count} files are too many; at most {MAX_PARTS} are read: {MERGE}");
        return Err(given.key_error(COUNT, message));
    }
    let given_no = number(&given, count)?;
    let paths = paths(&given, given_no, count)?;
    let missing = |path: &&PathBuf| !path.is_file();
    if let Some(path) = paths.iter().find(missing) {
        let hint = format!(
            "{} is one of {count} files of a model; copy or download them all into one directory",
            given.path.display()
        );
        return Err(ModelError::MissingFile { path: path.clone(), hint });
    }
    let path = given.path.clone();
    let mut given = Some(given);
    let mut whole: Option<Gguf> = None;
    for (no, part_path) in paths.iter().enumerate() {
        let part = match given.take_if(|_| no == given_no) {
            Some(given) => given,
            None => Gguf::open_one(part_path, kept)?,
        };
        check(&part, no, count)?;
        whole = Some(match whole {
            None => part,
            Some(whole) => add(whole, part)?,
        });
    }
    let Some(mut whole) = whole else { unreachable!("there are {count} files, at least two") };
    if let Some(listed) = whole.size(TENSORS)?.filter(|listed| *listed != whole.tensors.len()) {
        let message = format!(
            "{listed} tensors are asked for and the {count} files have {}: they are not of one model",
            whole.tensors.len()
        );
        return Err(whole.key_error(TENSORS, message));
    }
    whole.path = path;
    Ok(whole)
}

const MERGE: &str = "merge them with llama.cpp's `llama-gguf-split --merge`";

/// Which of the files this one is, from 0.
fn number(file: &Gguf, count: usize) -> Result<usize, ModelError> {
    let no = file.size(NO)?.ok_or_else(|| file.key_error(NO, "is missing"))?;
    if no >= count {
        let message = format!("{no} is not below {COUNT} = {count}");
        return Err(file.key_error(NO, message));
    }
    Ok(no)
}

/// Where the files are, by the name of one of them.
fn paths(given: &Gguf, no: usize, count: usize) -> Result<Vec<PathBuf>, ModelError> {
    let ending = |no: usize| format!("-{:05}-of-{count:05}.gguf", no + 1);
    let name = given.path.file_name().and_then(|name| name.to_str());
    let Some(stem) = name.and_then(|name| name.strip_suffix(&ending(no))) else {
        let message = format!(
            "is file {} of {count} of a model, and the others are found by a name that ends in `{}`; name it so again, or {MERGE}",
            no + 1,
            ending(no)
        );
        return Err(given.error(message));
    };
    let directory = given.path.parent().unwrap_or(Path::new(""));
    Ok((0..count).map(|no| directory.join(format!("{stem}{}", ending(no)))).collect())
}

/// That a file is what its name says.
fn check(part: &Gguf, no: usize, count: usize) -> Result<(), ModelError> {
    let found = part.size(COUNT)?.unwrap_or(0);
    if found != count {
        let message = format!("{found} is not {count}, as its name says");
        return Err(part.key_error(COUNT, message));
    }
    let found = number(part, count)?;
    if found != no {
        let message = format!("{found} is not {no}, as its name says");
        return Err(part.key_error(NO, message));
    }
    Ok(())
}

/// Adds a file to those before it.
fn add(mut whole: Gguf, part: Gguf) -> Result<Gguf, ModelError> {
    for (key, value) in part.metadata.iter().filter(|(key, _)| *key != NO) {
        // All but the first have little metadata; what they have must be the first's.
        if whole.metadata.get(key).is_some_and(|first| first != value) {
            let message = format!(
                "differs from that of {}: the files are not of one model",
                whole.parts[0].0.display()
            );
            return Err(part.key_error(key, message));
        }
    }
    let index = whole.parts.len();
    for (name, mut tensor) in part.tensors {
        tensor.part = index;
        if let Some(before) = whole.tensors.insert(name.clone(), tensor) {
            let other = whole.parts.get(before.part).map_or(&whole.path, |(path, _)| path);
            let message = format!("lists the tensor `{name}`, which {} has too", other.display());
            return Err(ModelError::file(&part.path, message));
        }
    }
    whole.parts.extend(part.parts);
    Ok(whole)
}
