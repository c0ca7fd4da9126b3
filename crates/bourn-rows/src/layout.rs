//! Which files of a data set's directory are meant, by their names: as the hub's own tools go by them.

use std::collections::BTreeSet;

/// Names of files that hold rows end so, packed or not.
const ENDINGS: [&str; 7] = ["parquet", "jsonl", "ndjson", "json", "csv", "tsv", "arrow"];
const PACKED: [&str; 2] = [".gz", ".zst"];
/// Files of a directory that hold no rows, by their whole name or their name's end.
const ABOUT: [&str; 8] = [
    "dataset_infos.json",
    "dataset_info.json",
    "dataset_dict.json",
    "state.json",
    "config.json",
    "package.json",
    "metadata.json",
    "croissant.json",
];
/// Words for a split, and what it is called.
const SPLITS: [(&str, &str); 11] = [
    ("train", "train"),
    ("training", "train"),
    ("validation", "validation"),
    ("valid", "validation"),
    ("val", "validation"),
    ("dev", "validation"),
    ("test", "test"),
    ("testing", "test"),
    ("eval", "test"),
    ("evaluation", "test"),
    ("heldout", "test"),
];

/// What kind of file a name is, without what says that it is packed: `csv` of `a.csv.gz`.
pub(crate) fn ending(name: &str) -> Option<&'static str> {
    let name = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let (_, end) = name.rsplit_once('.')?;
    ENDINGS.into_iter().find(|known| end.eq_ignore_ascii_case(known))
}

/// Whether a file of a data set's directory holds rows.
pub(crate) fn holds_rows(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let hidden = name.split('/').any(|part| part.starts_with('.'));
    ending(last).is_some() && !ABOUT.contains(&last) && !hidden
}

/// Of a directory's files those of one split of one configuration; an error says what there is.
pub(crate) fn choose(
    files: &[String],
    config: Option<&str>,
    split: Option<&str>,
) -> Result<Vec<String>, String> {
    let files: Vec<&str> =
        files.iter().map(String::as_str).filter(|file| holds_rows(file)).collect();
    if files.is_empty() {
        return Err("holds no data: there is no file whose name ends in .parquet, .jsonl, .json, \
                    .csv or .tsv (also .gz and .zst)"
            .to_owned());
    }
    let named = |of: fn(&str) -> Option<&str>| -> BTreeSet<&str> {
        files.iter().filter_map(|file| of(file)).collect()
    };
    let configs = named(config_of);
    let files: Vec<&str> = match config {
        Some(config) if !configs.contains(config) => {
            return Err(format!("has no configuration `{config}`{}", there_are(&configs)));
        }
        Some(config) => files.into_iter().filter(|file| config_of(file) == Some(config)).collect(),
        None if configs.len() > 1 => {
            return Err(format!("has several configurations{}: set `config`", there_are(&configs)));
        }
        None => files,
    };
    let splits: BTreeSet<&str> = files.iter().filter_map(|file| split_of(file)).collect();
    let asked = split.map(|split| standard(split).unwrap_or(split));
    let files: Vec<&str> = match asked {
        // As the hub's tools have it: what names no split is all for training.
        Some("train") if splits.is_empty() => files,
        Some(asked) if !splits.contains(asked) => {
            let split = split.unwrap_or_default();
            return Err(format!("has no split `{split}`{}", there_are(&splits)));
        }
        Some(asked) => files.into_iter().filter(|file| split_of(file) == Some(asked)).collect(),
        None if splits.len() > 1 => {
            return Err(format!("has several splits{}: set `split`", there_are(&splits)));
        }
        None => files,
    };
    let kinds: BTreeSet<&str> = files.iter().filter_map(|file| ending(file)).collect();
    if kinds.len() > 1 {
        return Err(format!(
            "holds files of several kinds{}, which may be the same rows twice: name those that are \
             meant, as in `{}/*.{}`",
            there_are(&kinds),
            "DIRECTORY",
            kinds.first().unwrap_or(&"parquet"),
        ));
    }
    Ok(files.into_iter().map(str::to_owned).collect())
}

fn there_are(names: &BTreeSet<&str>) -> String {
    const LISTED: usize = 20;
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => String::new(),
        1..=LISTED => format!(" (there are {})", listed.join(", ")),
        more => format!(" (there are {} and {} more)", listed.join(", "), more - LISTED),
    }
}

/// The split that a file belongs to: by a word of its name, else of a directory's.
fn split_of(file: &str) -> Option<&'static str> {
    file.rsplit('/').find_map(|part| words(part).find_map(standard))
}

fn standard(word: &str) -> Option<&'static str> {
    SPLITS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, split)| *split)
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// The configuration that a file belongs to: the first directory that is neither a split's nor `data`.
fn config_of(file: &str) -> Option<&str> {
    let (directories, _) = file.rsplit_once('/')?;
    directories.split('/').find(|part| *part != "data" && standard(part).is_none())
}

#[cfg(test)]
#[path = "../tests/unit/layout.rs"]
mod tests;
