use super::*;

fn check(files: &[&str], config: Option<&str>, split: Option<&str>, expect: Result<&[&str], &str>) {
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let found = choose(&files, config, split);
    match (found, expect) {
        (Ok(found), Ok(expect)) => assert_eq!(found, expect),
        (Err(found), Err(expect)) => assert!(found.contains(expect), "`{expect}` not in: {found}"),
        (found, expect) => panic!("{found:?} where {expect:?} is expected"),
    }
}

#[test]
fn splits_and_configurations_go_by_names() {
    let gsm8k = [
        "README.md",
        "main/test-00000-of-00001.parquet",
        "main/train-00000-of-00001.parquet",
        "socratic/test-00000-of-00001.parquet",
        "socratic/train-00000-of-00001.parquet",
    ];
    check(&gsm8k, Some("main"), Some("test"), Ok(&["main/test-00000-of-00001.parquet"]));
    check(&gsm8k, None, Some("test"), Err("several configurations (there are `main`, `socratic`)"));
    check(
        &gsm8k,
        Some("mian"),
        None,
        Err("no configuration `mian` (there are `main`, `socratic`)"),
    );
    check(&gsm8k, Some("main"), None, Err("several splits (there are `test`, `train`)"));
    check(&gsm8k, Some("main"), Some("dev"), Err("no split `dev` (there are `test`, `train`)"));
    check(&["test.jsonl", "README.md", ".git/a.json"], None, None, Ok(&["test.jsonl"]));
    check(&["test.jsonl"], None, Some("train"), Err("no split `train` (there are `test`)"));
    let sharded = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
    check(&sharded, None, None, Ok(&sharded));
    check(&sharded, None, Some("training"), Ok(&sharded));
    // A directory may be a split's, and a word of the name goes before it.
    check(&["train/a.csv", "valid/a.csv"], None, Some("validation"), Ok(&["valid/a.csv"]));
    check(&["train/a_test.csv", "train/a.csv"], None, Some("train"), Ok(&["train/a.csv"]));
    // A word is a word: `latest` is no test, `constrained` no train.
    check(
        &["latest.jsonl.gz", "constrained.jsonl"],
        None,
        Some("train"),
        Ok(&["latest.jsonl.gz", "constrained.jsonl"]),
    );
    check(&["aime.jsonl"], None, Some("test"), Err("no split `test`"));
}

#[test]
fn what_holds_no_rows_or_may_hold_them_twice_is_said() {
    check(&["README.md", "dataset_infos.json", "state.json"], None, None, Err("holds no data"));
    check(&[], None, None, Err("holds no data"));
    check(
        &["a.jsonl", "a.parquet"],
        None,
        None,
        Err("several kinds (there are `jsonl`, `parquet`)"),
    );
}

#[test]
fn endings_are_known_packed_or_not() {
    for (name, end) in [
        ("a.csv", Some("csv")),
        ("a.CSV.gz", Some("csv")),
        ("a.b.jsonl.zst", Some("jsonl")),
        ("a.gz", None),
        ("parquet", None),
        ("a.txt", None),
    ] {
        assert_eq!(ending(name), end, "{name}");
    }
}
