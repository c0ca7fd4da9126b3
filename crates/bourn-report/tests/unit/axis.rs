use super::*;

#[test]
fn axes_have_round_labels() {
    let check = |axis: Axis, expect: &[&str]| {
        let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, expect);
        assert!(axis.low < axis.high && axis.low.is_finite() && axis.high.is_finite());
    };
    let values = |values: &[f64]| Axis::values(values.iter().copied());
    check(values(&[0.65, 0.14]), &["0.0", "0.2", "0.4", "0.6", "0.8"]);
    check(values(&[0.013]), &["0.000", "0.005", "0.010", "0.015"]);
    check(values(&[f64::NAN, f64::INFINITY, 3.0]), &["0", "1", "2", "3"]);
    check(Axis::differences([0.63, -0.1].into_iter()), &["-20%", "0%", "20%", "40%", "60%", "80%"]);
    check(Axis::differences([0.0].into_iter()), &["0%", "5%"]);
    check(Axis::counts(96.0), &["0", "20", "40", "60", "80", "100"]);
    check(Axis::counts(3.0), &["0", "1", "2", "3"]);
    check(Axis::steps(240), &["0", "50", "100", "150", "200"]);
    check(Axis::steps(0), &["0", "1"]);
    check(Axis::draws(&[1, 2, 4]), &["1", "2", "4"]);
    check(Axis::few_draws(&[1, 2, 4, 8, 16]), &["1", "4", "16"]);
    check(Axis::few_draws(&[1]), &["1"]);
    check(Axis::factors(5.0), &["1", "2", "4", "8"]);
    check(Axis::factors(f64::INFINITY), &["1", "2"]);
    check(Axis::factors(1e300), &["1", "64", "4096", "262144", "16777216", "1073741824"]);
    check(Axis::names(&[], 9), &[]);
    // Nothing that a file may hold makes an axis without end.
    for value in [1e300, -1e300, f64::MIN_POSITIVE, 1e-300] {
        assert!(values(&[value]).ticks.len() < 12, "{value}");
    }
}
