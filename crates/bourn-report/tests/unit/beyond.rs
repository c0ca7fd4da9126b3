use super::*;
use crate::sample;

#[test]
fn a_fit_below_what_was_measured_is_refuted() {
    let lengths = |b: &Boundary| {
        let beyond = Beyond::of(b);
        let points = beyond.good_toulmin.map(|(_, pair)| pair.map(|e| e.is_some()));
        (beyond.base.len(), beyond.policy.len(), points)
    };
    let mut b = sample::rich();
    // Measured at k = 256: the policy 62.5%. Fitted from 65% on.
    assert_eq!(lengths(&b), (3, 3, Some([true, true])));
    assert_eq!(Beyond::of(&b).draws().max(), Some(2048));
    let mut at = |value: f64| {
        b.extrapolation.as_mut().unwrap().policy[0].value = value;
        lengths(&b).1
    };
    assert_eq!([at(0.625), at(0.6249)], [3, 0]);
    let e = b.extrapolation.as_mut().unwrap();
    e.base.iter_mut().for_each(|e| e.value = 0.9);
    let points = e.good_toulmin.as_mut().unwrap();
    (points.base.value, points.policy.value) = (0.98, 0.6);
    assert_eq!(lengths(&b), (0, 0, None));
    assert_eq!(Beyond::of(&b).draws().count(), 0);
    assert_eq!(lengths(&sample::boundary()), (0, 0, None));
}
