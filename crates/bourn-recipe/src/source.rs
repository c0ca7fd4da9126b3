//! From files and overrides to one tree: reading, `extends`, `--set`.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{RecipeError, shown};
use crate::tree::{KeyStep, SourceMark, Sources, Table, TreeEntry, TreeNode, TreeValue, steps};

/// Largest recipe file, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Longest chain of files, counting the one that was asked for.
const MAX_CHAIN: usize = 8;
/// Most parts of an override's key; the deepest real one has four.
const MAX_OVERRIDE_PARTS: usize = 16;

/// A recipe's text. Reads no more than the limit, so that a huge file costs nothing.
pub(crate) fn read(path: &Path) -> Result<String, RecipeError> {
    let mut bytes = Vec::new();
    bourn_foreign::open_stream(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| RecipeError::file(path, format!("cannot read the recipe: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        let problem = "larger than 1 MiB, which no recipe is; is this the right file?";
        return Err(RecipeError::file(path, problem));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        RecipeError::file(path, format!("not UTF-8 in line {line}; save the recipe as UTF-8"))
    })
}

/// The tree of a recipe with what it extends below it and the overrides on top.
pub(crate) fn resolve(
    sources: &mut Sources,
    text: &str,
    file: &Path,
    overrides: &[String],
) -> Result<TreeNode, RecipeError> {
    let mut tree = extended(sources, text, file, &mut vec![identity(file)])?;
    for text in overrides {
        apply_override(sources, &mut tree, text)?;
    }
    Ok(tree)
}

/// A file's tree on top of what it extends. `chain` holds the files that led here, this one last.
fn extended(
    sources: &mut Sources,
    text: &str,
    file: &Path,
    chain: &mut Vec<PathBuf>,
) -> Result<TreeNode, RecipeError> {
    let mut tree = sources.parse(file, text)?;
    let extends = match &mut tree.value {
        TreeValue::Table(table) => table.remove("extends"),
        _ => None,
    };
    let Some(TreeEntry { mark, node }) = extends else { return Ok(tree) };
    let fail = |sources: &Sources, problem: String| sources.error(mark, "extends", problem);

    let TreeValue::String(target) = &node.value else {
        let problem = format!(
            "expected a string, the path of another recipe, found {}",
            node.value.describe()
        );
        return Err(fail(sources, problem));
    };
    let below = file.parent().unwrap_or(Path::new("")).join(target);
    let id = identity(&below);
    if chain.contains(&id) {
        let problem = format!("`{}` leads back to itself; remove one `extends`", shown(target));
        return Err(fail(sources, problem));
    }
    if chain.len() == MAX_CHAIN {
        let problem = format!("more than {MAX_CHAIN} recipes build on each other; merge some");
        return Err(fail(sources, problem));
    }
    // The line to correct is the one that names the unreadable file.
    let text = read(&below)
        .map_err(|error| fail(sources, format!("{}: {}", below.display(), error.problem)))?;
    chain.push(id);
    let mut bottom = extended(sources, &text, &below, chain)?;
    bottom.merge(tree);
    Ok(bottom)
}

/// One name for one file, however it was reached.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Sets one key, `a.b=c`: the value is replaced, tables on the way are made where they lack.
fn apply_override(
    sources: &mut Sources,
    tree: &mut TreeNode,
    assignment: &str,
) -> Result<(), RecipeError> {
    let (key, value) = match assignment.split_once('=') {
        Some((key, value)) => (key.trim(), value.trim()),
        None => (assignment.trim(), ""),
    };
    let mark = sources.add_override(key);
    let path = steps(key);
    // The place, `--set a.b`, already says which key.
    let fail = |problem: String| Err(sources.error(mark, "", problem));

    if !assignment.contains('=') {
        return fail("expected KEY=VALUE, as in `--set rollout.temperature=0.8`".to_string());
    }
    if path.len() > MAX_OVERRIDE_PARTS || path.contains(&KeyStep::Key(String::new())) {
        return fail("not a key; write `section.key`, as in `optimizer.lr`".to_string());
    }
    if path[0] == KeyStep::Key("extends".to_string()) {
        return fail("cannot be set from the command line; write it into a recipe".to_string());
    }

    let value = sources.override_value(mark, value)?;
    match slot(tree, &path, mark) {
        Ok(place) => {
            *place = value;
            Ok(())
        }
        Err(problem) => fail(problem),
    }
}

/// The node at `path`, made if it lacks, with every key that leads to a new one marked.
pub(crate) fn slot<'a>(
    tree: &'a mut TreeNode,
    path: &[KeyStep],
    mark: SourceMark,
) -> Result<&'a mut TreeNode, String> {
    let mut node = tree;
    for (depth, step) in path.iter().enumerate() {
        let parent = || format!("`{}`", dotted(&path[..depth]));
        // An index is a key wherever there is no array; the check then names it unknown.
        node = match (&mut node.value, step) {
            (TreeValue::Table(table), step) => {
                let key = match step {
                    KeyStep::Key(key) => key.clone(),
                    KeyStep::Index(index) => index.to_string(),
                };
                if matches!(path.get(depth + 1), Some(KeyStep::Index(_)))
                    && !table.contains_key(&key)
                {
                    return Err(format!(
                        "the recipe has no `{}` to choose from; write one there first",
                        dotted(&path[..=depth])
                    ));
                }
                let entry = table.entry(key).or_insert_with(|| TreeEntry {
                    mark,
                    node: TreeNode { mark, value: TreeValue::Table(Table::new()) },
                });
                if depth + 1 == path.len() {
                    entry.mark = mark;
                }
                &mut entry.node
            }
            (TreeValue::Array(items), KeyStep::Index(index)) => {
                let count = items.len();
                items.get_mut(*index).ok_or_else(|| {
                    format!("there is no number {index}; {} has {count}, counted from 0", parent())
                })?
            }
            (TreeValue::Array(_), KeyStep::Key(_)) => {
                return Err(format!(
                    "{} is an array; say which one, as in `{}.0.{}`",
                    parent(),
                    dotted(&path[..depth]),
                    dotted(&path[depth..])
                ));
            }
            (other, _) => {
                return Err(format!("{} is {}, not a table", parent(), other.describe()));
            }
        };
    }
    Ok(node)
}

pub(crate) fn dotted(path: &[KeyStep]) -> String {
    let parts: Vec<String> = path
        .iter()
        .map(|step| match step {
            KeyStep::Key(key) => shown(key),
            KeyStep::Index(index) => index.to_string(),
        })
        .collect();
    parts.join(".")
}
