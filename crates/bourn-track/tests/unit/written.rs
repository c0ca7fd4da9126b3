use super::*;

/// A run of three steps with a probe before the first and after the last, as a checkpoint knows it.
fn run() -> (tempfile::TempDir, Written) {
    let dir = tempfile::tempdir().unwrap();
    let mut written = Written::new("name = \"a\"\n".into());
    let lines = [
        (0, "{\"step\":0,\"boundary/a/n\":1.0}"),
        (1, "{\"step\":1,\"train/reward\":0.5}"),
        (2, "{\"step\":2,\"train/reward\":0.25}"),
        (3, "{\"step\":3,\"train/reward\":0.75}"),
        (3, "{\"step\":3,\"boundary/a/n\":2.0}"),
    ];
    let mut metrics = String::new();
    for (step, line) in lines {
        written.line(step, line, false);
        metrics += &format!("{line}\n");
    }
    fs::write(dir.path().join(METRICS), metrics).unwrap();
    let timing: String = (1..=3).map(|step| format!("{{\"step\":{step},\"t\":1.0}}\n")).collect();
    fs::write(dir.path().join(TIMING), timing).unwrap();
    fs::write(dir.path().join(RECIPE), written.recipe()).unwrap();
    fs::create_dir(dir.path().join(BOUNDARY)).unwrap();
    for name in ["base-a.draws.jsonl.zst", "step-000000-a.json", "step-000003-a.json"] {
        fs::write(dir.path().join(BOUNDARY).join(name), name).unwrap();
        written.file(dir.path(), name).unwrap();
    }
    assert_eq!(written.faults(dir.path()), [""; 0]);
    (dir, written)
}

#[test]
fn what_is_missing_or_changed_is_named() {
    let check = |name: &str, change: &dyn Fn(String) -> String, expect: &[&str]| {
        let (dir, written) = run();
        let path = dir.path().join(name);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        assert_eq!(written.faults(dir.path()), expect, "{name}");
    };
    let line = |number: usize, with: &'static str| {
        move |text: String| {
            let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
            lines[number - 1] = with.replace("LINE", &lines[number - 1]);
            lines.concat()
        }
    };
    let as_it_is = |text: String| text;
    check(METRICS, &as_it_is, &[]);
    check(METRICS, &|_| String::new(), &["metrics.jsonl: lines of steps 0 to 3 are missing"]);
    check(METRICS, &line(3, ""), &["metrics.jsonl: lines of step 2 are missing"]);
    check(METRICS, &line(5, ""), &["metrics.jsonl: lines of step 3 are missing"]);
    let one = "metrics.jsonl: line 3 is not one that the run wrote";
    check(METRICS, &line(3, "{\"step\":2,\"train/reward\":0.26}\n"), &[one]);
    check(
        METRICS,
        &line(3, "{\"step\":2,\"train/rew\n"),
        &["metrics.jsonl: lines of step 2 are missing", one],
    );
    // A step that changed is missing in its place, and too many in its new one.
    check(
        METRICS,
        &line(3, "{\"step\":1,\"train/reward\":0.25}\n"),
        &["metrics.jsonl: lines of step 2 are missing", one],
    );
    check(METRICS, &line(2, "LINELINE"), &[one]);
    check(METRICS, &line(5, "LINELINE"), &["metrics.jsonl: line 6 is not one that the run wrote"]);
    // A file that was cut in the middle of a line.
    check(
        METRICS,
        &|text| text[..40].into(),
        &["metrics.jsonl: lines of steps 1 to 3 are missing"],
    );
    // What comes after the checkpoint is for the next one to know; so is a line's end.
    check(METRICS, &line(5, "LINE{\"step\":4,\"train/reward\":1.0}\n{\"st"), &[]);
    check(METRICS, &line(5, "LINE{\"step\":3,\"boundary/b/n\":1.0}\n"), &[]);
    check(METRICS, &|text| text.trim_end().into(), &[]);
    check(TIMING, &line(2, ""), &["timing.jsonl: lines of step 2 are missing"]);
    check(
        RECIPE,
        &|text| text + "#",
        &["recipe.toml is not the one that the run was started with"],
    );
    let figures = "boundary/step-000003-a.json";
    check(figures, &|_| "other".into(), &[&format!("{figures} is not the file that was written")]);

    for name in [METRICS, TIMING, RECIPE, figures, "boundary/base-a.draws.jsonl.zst"] {
        let (dir, written) = run();
        fs::remove_file(dir.path().join(name)).unwrap();
        assert_eq!(written.faults(dir.path()), [format!("{name} is missing")]);
        fs::create_dir(dir.path().join(name)).unwrap();
        let [fault] = &written.faults(dir.path())[..] else { panic!("{name}") };
        assert!(fault.starts_with(&format!("{name} cannot be read")), "{fault}");
    }
}

/// A probe that was made because the run stopped is known until the run goes on.
#[test]
fn the_probe_of_a_stop_is_no_part_of_a_run_that_goes_on() {
    let (dir, whole) = run();
    let mut stopped = Written::new(whole.recipe.clone());
    let text = fs::read_to_string(dir.path().join(METRICS)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (step, line) in [0, 1, 2, 3, 3].into_iter().zip(&lines) {
        stopped.line(step, line, line.contains("boundary") && step == 3);
    }
    stopped.files.clone_from(&whole.files);
    assert_eq!(stopped.faults(dir.path()), [""; 0]);
    let put = |lines: &[&str]| fs::write(dir.path().join(METRICS), lines.join("\n")).unwrap();
    put(&lines[..4]);
    assert_eq!(stopped.faults(dir.path()), ["metrics.jsonl: lines of step 3 are missing"]);
    // It went on, and dropped them.
    put(&[&lines[..4], &["{\"step\":4,\"train/reward\":0.5}"]].concat());
    assert_eq!(stopped.faults(dir.path()), [""; 0]);

    let mut goes_on = stopped.clone();
    goes_on.forget_stop(3);
    let names: Vec<&str> = goes_on.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["boundary/base-a.draws.jsonl.zst", "boundary/step-000000-a.json"]);
    put(&lines[..4]);
    assert_eq!(goes_on.faults(dir.path()), [""; 0]);
    // That of a step where a probe was due stays.
    let mut due = whole.clone();
    due.forget_stop(3);
    assert_eq!(due, whole);
}

#[test]
fn it_comes_back_from_its_file_and_from_a_run_that_has_none() {
    let (dir, written) = run();
    let path = dir.path().join(WRITTEN);
    fs::write(&path, written.to_json().unwrap()).unwrap();
    assert_eq!(Written::read(&path).unwrap(), written);
    fs::write(&path, written.to_json().unwrap().replace("\"version\":1", "\"version\":9")).unwrap();
    assert!(Written::read(&path).unwrap_err().to_string().contains("version 9"));

    assert_eq!(Written::newest(dir.path()).unwrap(), None);
    for (step, of) in [("step-000002", "old"), ("step-000010", "new"), ("step-000020", "")] {
        let checkpoint = dir.path().join("checkpoints").join(step);
        fs::create_dir_all(&checkpoint).unwrap();
        if !of.is_empty() {
            let text = Written::new(of.into()).to_json().unwrap();
            fs::write(checkpoint.join(WRITTEN), text).unwrap();
        }
    }
    assert_eq!(Written::newest(dir.path()).unwrap().unwrap().recipe(), "new");

    fs::write(dir.path().join("boundary/step-000002-a.json"), "a stop's, not in the metrics")
        .unwrap();
    assert_eq!(Written::found(dir.path(), written.recipe.clone(), 3).unwrap(), written);
    let earlier = Written::found(dir.path(), written.recipe.clone(), 2).unwrap();
    assert_eq!((earlier.metrics.len(), earlier.files.len()), (3, 2));
    // What was cut before is missed still, until it is put back.
    let path = dir.path().join(METRICS);
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, &whole[..whole.find("{\"step\":2").unwrap()]).unwrap();
    let cut = Written::found(dir.path(), written.recipe.clone(), 3).unwrap();
    assert_eq!(cut.faults(dir.path()), ["metrics.jsonl: lines of steps 2 to 3 are missing"]);
    fs::write(&path, whole).unwrap();
    assert_eq!(cut.faults(dir.path()), [""; 0]);
}
