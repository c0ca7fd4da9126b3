use super::*;
use crate::axis::log2;

#[test]
fn values_stand_where_the_axis_says() {
    let chart = Chart::new(ChartSize::Small, Axis::draws(&[1, 2, 4]), Axis::shares());
    // To the tenth, as the page has them.
    let check = |x, y, expect: &str| {
        let (x, y) = chart.at(x, y);
        assert_eq!(format!("{x:.1} {y:.1}"), expect);
    };
    // 430 × 270 with margins 62, 16, 14, 56: the plot is 352 × 200, from 62, 14 on.
    check(log2(2), 0.5, "238.0 114.0");
    // Air of 0.3 in a width of 2.6: 62 + 352 × 3/26.
    check(log2(1), 0.0, "102.6 214.0");
    check(99.0, 2.0, "414.0 14.0");
}
