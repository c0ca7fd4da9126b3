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
