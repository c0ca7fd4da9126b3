use std::fs;

use super::*;

fn values(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(tag, value)| (tag.to_string(), *value)).collect()
}

/// One step of a run, with numbers that need all their digits.
fn append(file: &mut MetricsFile, step: u64) {
    let x = 1.0 / (step as f64 + 3.0);
    file.append(step, &values(&[("train/reward", x), ("train/step_time", 0.5), ("kl", x * x)]))
        .unwrap();
}

#[test]
fn lines_as_they_are_written() {
    let check = |pairs: &[(&str, f64)], expect: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut file = MetricsFile::create(&path).unwrap();
        file.append(7, &values(pairs)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expect);
        // What was written reads back as the same numbers.
        let lines = read_metrics(&path).unwrap();
        for (tag, value) in pairs.iter().filter(|(tag, _)| !tags::TIMING.contains(tag)) {
            let got = lines[0].values[*tag];
            assert!(got.to_bits() == value.to_bits() || !value.is_finite() && got.is_nan());
        }
    };
    check(&[("b", 0.1), ("a", 3.0)], "{\"step\":7,\"a\":3.0,\"b\":0.1}\n");
    check(&[("z\"\\", -0.0)], "{\"step\":7,\"z\\\"\\\\\":-0.0}\n");
    check(&[("x", 0.1 + 0.2)], "{\"step\":7,\"x\":0.30000000000000004}\n");
    check(
        &[("x", 5e-324), ("y", f64::MAX)],
        "{\"step\":7,\"x\":5e-324,\"y\":1.7976931348623157e+308}\n",
    );
    check(
        &[("x", f64::NAN), ("y", f64::INFINITY), ("z", f64::NEG_INFINITY)],
        "{\"step\":7,\"x\":null,\"y\":null,\"z\":null}\n",
    );
    check(&[("train/step_time", 1.0)], "");
    check(&[], "");
}

#[test]
fn timings_go_to_their_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let check = |metrics: &str, timing: &str| {
        let mut file = MetricsFile::create(&dir.path().join(metrics)).unwrap();
        append(&mut file, 1);
        let text = fs::read_to_string(dir.path().join(timing)).unwrap();
        assert_eq!(text, "{\"step\":1,\"train/step_time\":0.5}\n");
    };
    check("metrics.jsonl", "timing.jsonl");
    check("base-metrics.jsonl", "base-timing.jsonl");
    check("x.jsonl", "x.jsonl.timing");
}

#[test]
fn resumed_file_is_the_uninterrupted_one() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole-metrics.jsonl");
    let mut file = MetricsFile::create(&whole).unwrap();
    (0..20).for_each(|step| append(&mut file, step));
    let whole = fs::read(whole).unwrap();

    let cut = dir.path().join("metrics.jsonl");
    // A process killed at any byte of the two lines after the checkpoint of step 8, or at the end.
    let ends: Vec<usize> = (0..whole.len()).filter(|&i| whole[i] == b'\n').collect();
    for killed_at in (ends[8] + 1..=ends[10] + 1).chain([whole.len()]) {
        fs::write(&cut, &whole[..killed_at]).unwrap();
        let mut file = MetricsFile::resume(&cut, 8).unwrap();
        (9..20).for_each(|step| append(&mut file, step));
        file.sync().unwrap();
        assert!(fs::read(&cut).unwrap() == whole, "killed at byte {killed_at}");
        fs::remove_file(dir.path().join("timing.jsonl")).unwrap();
    }
    // Nothing is left beside the files.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn resume_cuts_timings_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.jsonl");
    let mut file = MetricsFile::create(&path).unwrap();
    (0..5).for_each(|step| append(&mut file, step));
    drop(file);
    let mut file = MetricsFile::resume(&path, 2).unwrap();
    append(&mut file, 3);
    let steps = |name: &str| {
        let lines = read_metrics(&dir.path().join(name)).unwrap();
        lines.iter().map(|line| line.step).collect::<Vec<_>>()
    };
    assert_eq!(steps("metrics.jsonl"), [0, 1, 2, 3]);
    assert_eq!(steps("timing.jsonl"), [0, 1, 2, 3]);
    // A step may have a second line (the probe's), but not a line before it.
    append(&mut file, 3);
    let error = file.append(2, &values(&[("x", 1.0)])).unwrap_err().to_string();
    assert!(error.starts_with("step 2 comes after step 3 in `"), "{error}");
    let error = file.append(4, &values(&[("step", 1.0)])).unwrap_err().to_string();
    assert!(error.starts_with("metric name `step` cannot be written to `"), "{error}");
}

#[test]
fn files_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.jsonl");
    let check = |name: &str| {
        let there = dir.path().join(name);
        fs::write(&there, "mine").unwrap();
        let error = MetricsFile::create(&path).unwrap_err();
        assert!(matches!(error, TrackError::Exists { path } if path == there));
        assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
        fs::remove_file(there).unwrap();
    };
    check("metrics.jsonl");
    check("timing.jsonl");
    let error = MetricsFile::resume(&path, 0).unwrap_err().to_string();
    assert!(error.starts_with("cannot read `"), "{error}");
}

#[test]
fn bad_lines_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.jsonl");
    let check = |second: &[u8], expect: &str| {
        let text = [b"{\"step\":1,\"x\":1.0}\n", second, b"\n{\"step\":2,\"x\":1.0}\n"].concat();
        fs::write(&path, &text).unwrap();
        for error in [read_metrics(&path).unwrap_err(), MetricsFile::resume(&path, 9).unwrap_err()]
        {
            let error = error.to_string();
            assert!(error.contains(" line 2: ") && error.contains(expect), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), text, "a file that is not understood stays");
    };
    check(b"", "not a JSON object");
    check(b"[1]", "not a JSON object");
    check(b"{\"step\":2,", "not a JSON object");
    check(b"\xff", "not a JSON object");
    check(b"{\"x\":1.0}", "there is no whole-number `step`");
    check(b"{\"step\":-1}", "there is no whole-number `step`");
    check(b"{\"step\":1.5}", "there is no whole-number `step`");
    check(b"{\"step\":2,\"x\":\"1\"}", "`x` is \"1\", not a number");
    check(&vec![b' '; MAX_LINE_BYTES as usize + 1], "longer than 1048576 bytes");
    check("[".repeat(100_000).as_bytes(), "not a JSON object");
}

#[test]
fn last_line_without_an_end() {
    let check = |text: &str, steps: &[u64]| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, text).unwrap();
        let got: Vec<u64> = read_metrics(&path).unwrap().iter().map(|line| line.step).collect();
        assert_eq!(got, steps, "{text:?}");
    };
    check("", &[]);
    check("{\"step\":1}\n{\"st", &[1]);
    check("{\"step\":1}\n{\"step\":2", &[1]);
    // Whole but for its end, as an editor may leave it.
    check("{\"step\":1}\n{\"step\":2}", &[1, 2]);
}
