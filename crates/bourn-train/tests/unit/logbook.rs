use super::*;

#[test]
fn one_probe_is_dropped_and_every_other_byte_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(METRICS);
    let check = |text: &str, step, kept: &str| {
        std::fs::write(&path, text).unwrap();
        drop_probe(dir.path(), step).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), kept);
    };
    let (train, probe) =
        ("{\"step\":1,\"train/reward\":0.5}\n", "{\"step\":1,\"boundary/a\":1.0}\n");
    let (first, torn) = ("{\"step\":0,\"boundary/a\":1.0}\n", "{\"step\":1,\"bound");
    check(&[first, train, probe].concat(), 1, &[first, train].concat());
    check(&[first, train, probe, torn].concat(), 1, &[first, train, torn].concat());
    check(&[first, train].concat(), 1, &[first, train].concat());
    check(first, 0, "");
    drop_probe(&dir.path().join("nowhere"), 1).unwrap();
}

#[test]
fn runs_of_a_sweep_are_told_apart_by_the_same_names() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes/quickstart.toml");
    let load = |set: &[&str]| {
        let set: Vec<String> = set.iter().map(|set| set.to_string()).collect();
        bourn_recipe::load(std::path::Path::new(path), &set).unwrap()
    };
    let (plain, other) = (load(&[]), load(&["algorithm.name=rloo", "seed=7", "probe.n_max=100"]));
    let (one, two) = (hparams(&plain), hparams(&other));
    let names =
        |of: &[(&'static str, HParam)]| of.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    let text = |text: &str| HParam::Text(text.into());
    for expect in [
        ("algorithm", text("grpo")),
        ("loss_type", text("dapo")),
        ("model", text("5 layers of 128")),
        ("lr", HParam::Number(3e-4)),
    ] {
        assert!(one.contains(&expect), "{expect:?} of {one:?}");
    }
    assert!(two.contains(&("seed", HParam::Number(7.0))), "{two:?}");
    assert_eq!((most_tries(&plain), most_tries(&other)), (Some(1024), Some(64)));
    assert_eq!(most_tries(&load(&["probe.interval=0"])), None);
}
