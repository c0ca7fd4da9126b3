//! Sweeps: one recipe, a list or a grid of changes, and seeds, as checked recipes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bourn_foreign::is_unseen;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use crate::error::{RecipeError, shown};
use crate::recipe::Recipe;
use crate::schema::{json_schema, remove_null};
use crate::source::{self, dotted, slot};
use crate::tree::{KeyStep, SourceMark, Sources, Table, TreeEntry, TreeNode, TreeValue, steps};
use crate::written::SweepWritten;
use crate::{check, conform};

/// Most runs of a sweep.
const MAX_RUNS: usize = 4096;
/// Longest name of a variant, in characters; it heads a row of a table.
const MAX_NAME: usize = 80;
/// Keys that the sweep sets itself.
const OWN: [(&str, &str); 3] = [
    ("seed", "the sweep's `seeds` give every run its seed"),
    ("name", "a run of a sweep is named after its variant and seed"),
    ("extends", "the sweep's `recipe` may extend another"),
];

/// A checked sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Its name, and that of its default directory.
    pub name: String,
    /// The recipe that every run changes.
    pub recipe: PathBuf,
    /// The seeds, distinct, in the order in which they were written.
    pub seeds: Vec<u64>,
    /// The k of the table's pass@k, rising.
    pub k: Vec<u64>,
    /// Index of the variant that the others are compared with.
    pub reference: usize,
    /// What is compared; at least one.
    pub variants: Vec<Variant>,
}

/// One variant of a sweep.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What tables call it; no two are the same.
    pub name: String,
    /// Name of its directory: letters, digits, `-`, `_` and `.`; no two are the same.
    pub directory: String,
    /// The keys that it changes, with their values as TOML, in the order of the recipe's tree.
    pub changes: Vec<(String, String)>,
    /// The recipe of each seed, aligned with [`Sweep::seeds`].
    pub recipes: Vec<Recipe>,
}

/// Reads a sweep's file and the recipe it names, and checks the recipe of every run: whatever is
/// wrong with the last of them is found before the first one starts.
///
/// # Errors
/// The first thing that is wrong, with its file, line, column and key; of a change it is the line of
/// the sweep's file.
pub fn load_sweep(path: &Path) -> Result<Sweep, RecipeError> {
    parse_sweep(&source::read(path)?, path)
}

/// [`load_sweep`] for a text that is already here; `file` names it in errors and gives the directory
/// that `recipe` is relative to.
///
/// # Errors
/// As [`load_sweep`].
pub(crate) fn parse_sweep(text: &str, file: &Path) -> Result<Sweep, RecipeError> {
    let mut sources = Sources::default();
    let mut tree = sources.parse(file, text)?;
    let set = take(&sources, &mut tree, "set")?;
    let grid = take(&sources, &mut tree, "grid")?;
    let mut own = Vec::new();
    for variant in variants_mut(&mut tree) {
        own.push(take(&sources, variant, "set")?);
    }
    let schema = sweep_schema();
    conform::conform(&sources, &schema, &tree)?;
    let at = |path: &str| tree.find(&steps(path)).0;
    let written: SweepWritten = serde_json::from_value(tree.to_json())
        .map_err(|error| sources.error(tree.mark, "", error.to_string()))?;

    let recipe = file.parent().unwrap_or(Path::new("")).join(&written.recipe);
    let text = source::read(&recipe).map_err(|error| {
        let problem = format!("{}: {}", recipe.display(), error.problem);
        sources.error(at("recipe"), "recipe", problem)
    })?;
    let mut bottom = source::resolve(&mut sources, &text, &recipe, &[])?;
    apply(&sources, &mut bottom, &set.map(|set| changes(&set)).unwrap_or_default())?;
    let listed = written.variant.iter().zip(own).enumerate().map(|(index, (written, own))| {
        let mark = at(&format!("variant.{index}.name"));
        let changes = own.map(|own| changes(&own)).unwrap_or_default();
        GridPoint { name: written.name.trim().to_owned(), mark, changes }
    });
    let mut points: Vec<GridPoint> = listed.collect();
    if points.is_empty() {
        points.push(GridPoint { name: String::new(), mark: tree.mark, changes: Changes::new() });
    }
    if let Some(grid) = &grid {
        points = crossed(&sources, points, grid)?;
    }
    if let [only] = &mut points[..]
        && only.name.is_empty()
    {
        only.name = "as written".to_owned();
    }
    if points.len().saturating_mul(written.seeds.len()) > MAX_RUNS {
        let problem = format!(
            "{} variants with {} seeds each are more than {MAX_RUNS} runs; split the sweep",
            points.len(),
            written.seeds.len()
        );
        return Err(sources.error(tree.mark, "", problem));
    }
    let seeds = distinct(&sources, &tree, &written.seeds)?;
    let mut variants = Vec::new();
    for point in &points {
        variants.push(variant(&sources, &bottom, point, &seeds, file)?);
    }
    check_names(&sources, &points, &variants)?;
    let reference = match &written.reference {
        None => 0,
        Some(name) => variants.iter().position(|v| v.name == *name).ok_or_else(|| {
            let names: Vec<_> = variants.iter().map(|v| format!("`{}`", v.name)).collect();
            let problem = format!("no variant has this name; there is {}", names.join(", "));
            sources.error(at("reference"), "reference", problem)
        })?,
    };
    let mut k = written.k;
    k.sort_unstable();
    k.dedup();
    if k[0] == 0 {
        return Err(sources.error(at("k"), "k", "holds 0; pass@k begins at k = 1"));
    }
    if let Some(name) = &written.name
        && (name.is_empty()
            || name == "."
            || name == ".."
            || name.contains(['/', '\\'])
            || name.chars().any(is_unseen))
    {
        let problem = "names a directory inside the runs directory; write one that is seen, without \
                       `/` and `\\`";
        return Err(sources.error(at("name"), "name", problem));
    }
    let name = written.name.unwrap_or_else(|| check::stem(file));
    Ok(Sweep { name, recipe, seeds, k, reference, variants })
}

/// Keys with their new values.
type Changes = Vec<(Vec<KeyStep>, TreeNode)>;

/// What one variant does to the recipe.
struct GridPoint {
    name: String,
    mark: SourceMark,
    changes: Changes,
}

fn sweep_schema() -> Json {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema =
        settings.into_generator().into_root_schema_for::<SweepWritten>().as_value().clone();
    remove_null(&mut schema);
    schema
}

/// Takes the free table `key` out of `node`.
fn take(
    sources: &Sources,
    node: &mut TreeNode,
    key: &str,
) -> Result<Option<TreeEntry>, RecipeError> {
    let TreeValue::Table(table) = &mut node.value else { return Ok(None) };
    let Some(entry) = table.remove(key) else { return Ok(None) };
    let TreeValue::Table(inside) = &entry.node.value else {
        let problem =
            format!("expected a table of the recipe's keys, found {}", entry.node.value.describe());
        return Err(sources.error(entry.mark, key, problem));
    };
    for (own, why) in OWN {
        if let Some(entry) = inside.get(own) {
            let problem = format!("cannot be changed here: {why}");
            return Err(sources.error(entry.mark, own, problem));
        }
    }
    Ok(Some(entry))
}

fn variants_mut(tree: &mut TreeNode) -> impl Iterator<Item = &mut TreeNode> {
    let table = match &mut tree.value {
        TreeValue::Table(table) => Some(table),
        _ => None,
    };
    let list = table.and_then(|table| table.get_mut("variant"));
    let items = match list.map(|entry| &mut entry.node.value) {
        Some(TreeValue::Array(items)) => Some(items),
        _ => None,
    };
    items.into_iter().flatten()
}

/// Every value of a table that is no table itself, with its path, in the order of writing.
fn changes(table: &TreeEntry) -> Changes {
    let mut found = Changes::new();
    leaves(&table.node, &mut Vec::new(), &mut found);
    found.sort_by_key(|(_, node)| Sources::order(node.mark));
    found
}

fn leaves(node: &TreeNode, path: &mut Vec<KeyStep>, found: &mut Changes) {
    match &node.value {
        TreeValue::Table(table) => {
            for (key, entry) in table {
                // As in an override: `reward.0.weight` is the first reward's.
                path.extend(steps(key));
                leaves(&entry.node, path, found);
                path.truncate(path.len() - steps(key).len());
            }
        }
        _ => found.push((path.clone(), node.clone())),
    }
}

/// Each of `points` with every point of the grid; the key that was written first changes slowest.
fn crossed(
    sources: &Sources,
    points: Vec<GridPoint>,
    grid: &TreeEntry,
) -> Result<Vec<GridPoint>, RecipeError> {
    let axes = changes(grid);
    let mut points = points;
    let labels: Vec<String> = axes.iter().map(|(path, _)| label(path, &axes)).collect();
    for ((path, node), label) in axes.iter().zip(&labels) {
        let values = match &node.value {
            TreeValue::Array(values) if !values.is_empty() => values,
            other => {
                let problem = format!(
                    "expected an array of the values to try, as in `[1, 2]`, found {}",
                    other.describe()
                );
                return Err(sources.error(node.mark, &dotted(path), problem));
            }
        };
        if points.len().saturating_mul(values.len()) > MAX_RUNS {
            let problem = format!("makes the grid larger than {MAX_RUNS} points; split the sweep");
            return Err(sources.error(node.mark, &dotted(path), problem));
        }
        let with = |point: &GridPoint, value: &TreeNode| {
            let own = format!("{label}={}", text(value));
            let name = match point.name.is_empty() {
                true => own,
                false => format!("{}, {own}", point.name),
            };
            let mut changes = point.changes.clone();
            changes.push((path.clone(), value.clone()));
            GridPoint { name, mark: value.mark, changes }
        };
        points = points
            .iter()
            .flat_map(|point| values.iter().map(move |value| with(point, value)))
            .collect();
    }
    Ok(points)
}

/// The last part of a path where it tells the axes apart, else the whole.
fn label(path: &[KeyStep], axes: &Changes) -> String {
    let same = axes.iter().filter(|(other, _)| other.last() == path.last()).count();
    match same {
        1 => dotted(&path[path.len() - 1..]),
        _ => dotted(path),
    }
}

/// Sets these keys of a recipe; tables on the way are made where they lack.
fn apply(sources: &Sources, tree: &mut TreeNode, changes: &Changes) -> Result<(), RecipeError> {
    for (path, value) in changes {
        match slot(tree, path, value.mark) {
            Ok(place) => *place = value.clone(),
            Err(problem) => return Err(sources.error(value.mark, &dotted(path), problem)),
        }
    }
    Ok(())
}

fn variant(
    sources: &Sources,
    bottom: &TreeNode,
    point: &GridPoint,
    seeds: &[u64],
    file: &Path,
) -> Result<Variant, RecipeError> {
    let fail = |problem: &str| {
        Err(sources.error(point.mark, "", format!("variant `{}`: {problem}", shown(&point.name))))
    };
    if point.name.is_empty() || point.name.chars().count() > MAX_NAME {
        return fail("a name has 1 to 80 characters");
    }
    if point.name.chars().any(is_unseen) {
        return fail("holds a character that is not seen; write a name that can be read");
    }
    let directory = slug(&point.name);
    let mut tree = bottom.clone();
    apply(sources, &mut tree, &point.changes)?;
    let mut recipes = Vec::new();
    for &seed in seeds {
        let mut tree = tree.clone();
        let name = format!("{directory}-seed-{seed}");
        for (key, value) in
            [("seed", TreeValue::Integer(i128::from(seed))), ("name", TreeValue::String(name))]
        {
            let node = TreeNode { mark: point.mark, value };
            if let TreeValue::Table(table) = &mut tree.value {
                table.insert(key.to_owned(), TreeEntry { mark: point.mark, node });
            }
        }
        let schema = json_schema();
        let recipe = conform::conform(sources, &schema, &tree)
            .and_then(|()| check::check(sources, &schema, &tree, file));
        let recipe = recipe.map_err(|error| RecipeError {
            problem: format!("{} (variant `{}`)", error.problem, shown(&point.name)),
            ..error
        })?;
        if recipe.probe.interval == 0 {
            let place = tree.find(&steps("probe.interval")).0;
            let problem = "is 0, and a sweep compares what probes found; probe at least at the end";
            return Err(sources.error(place, "[probe] interval", problem));
        }
        recipes.push(recipe);
    }
    let change = |(path, value): &(Vec<KeyStep>, TreeNode)| (dotted(path), text(value));
    let changes = point.changes.iter().map(change).collect();
    Ok(Variant { name: point.name.clone(), directory, changes, recipes })
}

fn distinct(sources: &Sources, tree: &TreeNode, seeds: &[u64]) -> Result<Vec<u64>, RecipeError> {
    let mut seen = BTreeSet::new();
    match seeds.iter().find(|seed| !seen.insert(**seed)) {
        None => Ok(seeds.to_vec()),
        Some(twice) => {
            let problem = format!("holds {twice} twice: the same run would be counted as two");
            Err(sources.error(tree.find(&steps("seeds")).0, "seeds", problem))
        }
    }
}

fn check_names(
    sources: &Sources,
    points: &[GridPoint],
    variants: &[Variant],
) -> Result<(), RecipeError> {
    let mut seen = BTreeSet::new();
    for (point, variant) in points.iter().zip(variants) {
        if !seen.insert(variant.directory.clone()) {
            let problem = format!(
                "variant `{}`: its directory would be `{}`, and another's is; name it otherwise",
                shown(&variant.name),
                variant.directory
            );
            return Err(sources.error(point.mark, "", problem));
        }
    }
    Ok(())
}

/// A directory's name: small letters, digits, `.`, `_`, one `-` for a run of anything else; `+` and
/// `=` are words, so that `REINFORCE` and `REINFORCE++` are two.
fn slug(name: &str) -> String {
    let spelt = name.to_lowercase().replace('+', "p").replace('=', "-");
    let mut slug = String::new();
    for c in spelt.chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' | '_' => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    // A name that begins with a dot is hidden, and one of dots alone is no name.
    let slug = slug.trim_matches(['-', '.']).to_owned();
    if slug.is_empty() { "variant".to_owned() } else { slug }
}

/// A value as it stands in TOML, for names and records.
fn text(node: &TreeNode) -> String {
    match &node.value {
        TreeValue::String(text) => text.clone(),
        TreeValue::Integer(number) => number.to_string(),
        TreeValue::Float(number) => format!("{number}"),
        TreeValue::Boolean(truth) => truth.to_string(),
        TreeValue::DateTime => "a date".to_owned(),
        TreeValue::Array(items) => {
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        TreeValue::Table(table) => format!("{{ {} }}", inside(table)),
    }
}

fn inside(table: &Table) -> String {
    let pair = |(key, entry): (&String, &TreeEntry)| format!("{key} = {}", text(&entry.node));
    table.iter().map(pair).collect::<Vec<_>>().join(", ")
}
