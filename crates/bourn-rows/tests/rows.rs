//! What is read of a data file, and what is said of one that is none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use bourn_rows::{MAX_ROW, Row, RowError, for_each};
use serde_json::{Value, json};

fn rows(path: &Path) -> Result<Vec<(u64, Value)>, String> {
    let mut rows = Vec::new();
    for_each(path, |Row { place, columns }| {
        rows.push((place, Value::Object(columns)));
        Ok::<_, RowError>(true)
    })
    .map_err(|error| error.to_string())?;
    Ok(rows)
}

/// What is read of these bytes, in a file of this name.
fn read(name: &str, bytes: &[u8]) -> Result<Vec<(u64, Value)>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    let place = format!("{}/", dir.path().display());
    rows(&path).map_err(|error| error.replace(&place, ""))
}

fn fails(name: &str, bytes: &[u8], expect: &str) {
    let error = read(name, bytes).unwrap_err();
    assert!(error.contains(expect), "`{expect}` is not in: {error}");
}

fn fixture(codec: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{codec}.parquet"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn json_lines_and_arrays() {
    let expect = vec![(1, json!({"a": 1})), (3, json!({"a": "2"}))];
    assert_eq!(read("a.jsonl", b"{\"a\": 1}\n\n{\"a\": \"2\"}").unwrap(), expect);
    assert_eq!(read("a.json", b"[{\"a\": 1},\n\n{\"a\": \"2\"}]").unwrap(), expect);
    assert_eq!(read("a", b"\xef\xbb\xbf{\"a\": 1}\r\n\r\n{\"a\": \"2\"}\r\n").unwrap(), expect);
    fails("a.jsonl", b"{\"a\": 1}\n{\"a\": 2", "a.jsonl:2: not JSON: EOF while parsing");
    fails("a.json", b"[{\"a\": 1}", "the array is not closed");
    fails("a.jsonl", b"3", "a.jsonl:1: an object `{…}` is needed");
}

#[test]
fn a_key_that_stands_twice_is_no_answer() {
    fails(
        "a.jsonl",
        b"{\"a\": 1, \"b\": 2, \"a\": 3}",
        "a.jsonl:1: not JSON: the key `a` stands twice in one object",
    );
    fails("a.jsonl", b"{\"m\": [{\"role\": 1, \"role\": 2}]}", "the key `role` stands twice");
    fails("a.csv", b"a,b,a\n1,2,3\n", "a.csv:1: the column `a` stands twice in the first line");
}

#[test]
fn packed_files_are_unpacked() {
    let text = b"{\"a\": 1}\n{\"a\": 2}\n";
    let expect = vec![(1, json!({"a": 1})), (2, json!({"a": 2}))];
    assert_eq!(read("a.jsonl.gz", &gzip(text)).unwrap(), expect);
    // Of several members, as `cat a.gz b.gz` makes one.
    let twice = [gzip(b"{\"a\": 1}\n"), gzip(b"{\"a\": 2}\n")].concat();
    assert_eq!(read("a.jsonl.gz", &twice).unwrap(), expect);
    assert_eq!(read("a.jsonl.zst", &zstd::encode_all(&text[..], 3).unwrap()).unwrap(), expect);
    assert_eq!(read("a.csv.gz", &gzip(b"a\n1\n")).unwrap(), [(2, json!({"a": "1"}))]);
    let packed = gzip(text);
    assert!(read("a.jsonl.gz", &packed[..packed.len() - 9]).is_err(), "it is cut off");
}

#[test]
fn csv() {
    let text = b"question,answer\n\"1, and\n\"\"one\"\"\",2\nnext,3\n";
    let first = json!({"question": "1, and\n\"one\"", "answer": "2"});
    let expect = vec![(2, first), (4, json!({"question": "next", "answer": "3"}))];
    assert_eq!(read("a.csv", text).unwrap(), expect);
    assert_eq!(read("a.tsv", b"q\ta\n1\t2\n").unwrap(), [(2, json!({"q": "1", "a": "2"}))]);
    fails(
        "a.csv",
        b"q;a\n1;2\n",
        "a.csv:1: the first line names one column, `q;a`: are its columns",
    );
    fails("a.csv", b"q,a\n1,2\n1,2,3\n", "a.csv:3: there are 3 values, and the first line names 2");
    fails("a.csv", b"q\n\xff\n", "a.csv:2: it is not UTF-8 text");
    let open = format!("q\n\"{}", "x".repeat(2 * MAX_ROW));
    fails("a.csv", open.as_bytes(), "a.csv:2: longer than the 1 MiB that are read; is a quotation");
}

#[test]
fn parquet() {
    let expect = |n: u64| {
        json!({
            "data_source": "gsm8k",
            "prompt": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": format!("What is {n} + {n}?")},
            ],
            "reward_model": {"style": "rule", "ground_truth": (2 * n).to_string()},
            "answers": [(2 * n).to_string(), format!("{}.0", 2 * n)],
            "index": n,
            "score": n as f64 / 2.0,
            "hard": if n == 1 { Value::Null } else { json!(n > 2) },
        })
    };
    for codec in ["snappy", "zstd", "gzip", "none", "lz4"] {
        let found = rows(&fixture(codec)).unwrap();
        assert_eq!(found, [(1, expect(1)), (2, expect(2)), (3, expect(3))], "{codec}");
    }
}

/// As it was written, whatever its type: 0.1 in single precision is 0.1, a text that is not marked as one
/// is a text, and what is neither is nothing.
#[test]
fn values_of_parquet_are_what_was_written() {
    let found = rows(&fixture("types")).unwrap();
    let expect = json!({
        "f32": 0.1, "f64": 0.1, "i64": 9007199254740993_i64, "u64": 9223372036854775813_u64,
        "decimal": "2.50", "bytes": "1 + 1", "picture": null, "nan": null,
        "named": "a", "date": "2020-01-31",
    });
    assert_eq!(found, [(1, expect)]);
}

#[test]
fn a_parquet_file_that_is_damaged_is_an_error() {
    let whole = fs::read(fixture("zstd")).unwrap();
    fails("a.parquet", &whole[..whole.len() / 2], "a Parquet file without its end: it is cut off");
    fails("a.parquet", b"PAR1", "it is cut off");
    let brotli = rows(&fixture("brotli")).unwrap_err();
    assert!(brotli.ends_with("are not read; write it with zstd or snappy"), "{brotli}");
    fails("a.parquet", &gzip(&whole), "it is a Parquet file packed once more");
    let mut large = whole.clone();
    let end = large.len() - 8;
    large[end..end + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    fails("a.parquet", &large, "a Parquet file whose description has 4294967295 bytes");
    // Bytes changed at every third place: an error or rows, whatever they hold, and no panic.
    for (shift, codec) in ["none", "zstd", "snappy"].into_iter().enumerate() {
        let whole = fs::read(fixture(codec)).unwrap();
        let mut read_all = 0;
        for place in (4 + shift..whole.len()).step_by(3) {
            let mut changed = whole.clone();
            changed[place] ^= [1, 0x80, 0xff][place % 7 % 3];
            read_all += usize::from(read("a.parquet", &changed).is_ok_and(|rows| rows.len() == 3));
        }
        assert!(read_all < whole.len() / 3, "{codec}: what is damaged is seen");
    }
}

#[test]
fn what_is_no_data_is_called_what_it_is() {
    for (bytes, expect) in [
        (&b"version https://git-lfs.github.com/spec/v1\noid"[..], "a Git LFS pointer"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\xff\xfe{\0\"\0", "UTF-16 text"),
        (b"BZh91AY", "packed with bzip2"),
        (b"ARROW1\0\0", "an Arrow file"),
        (b"<!DOCTYPE html>", "a web page"),
    ] {
        fails("train.jsonl", bytes, expect);
        fails("train.jsonl.gz", &gzip(bytes), expect);
    }
    let mut tar = vec![b'x'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    fails("train.jsonl", &tar, "a tar archive");
    fails("train.tar.gz", &gzip(&tar), "a tar archive");
}

#[test]
fn a_row_is_no_longer_than_it_may_be() {
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_ROW));
    fails("a.jsonl", long.as_bytes(), "a.jsonl:1: longer than the 1 MiB that are read");
    // A packed file is read in pieces: what would fill memory is one row that is too long.
    fails("a.jsonl.gz", &gzip(&vec![b'x'; 64 << 20]), "longer than the 1 MiB");
}
