use super::*;

#[test]
fn figures() {
    let check = |got: String, expect: &str| assert_eq!(got, expect);
    check(percent(0.12345), "12.3");
    check(percent(0.0), "0.0");
    check(percent(-0.0004), "0.0");
    check(percent(1.0), "100.0");
    check(points(0.165), "+16.5");
    check(points(-0.005), "-0.5");
    check(points(-0.0), "0.0");
    check(points(0.0001), "0.0");
    check(confidence(0.95), "95%");
    check(confidence(0.999), "99.9%");
    check(counted(12.34), "12.3");
    check(counted(-0.04), "0.0");
    check(signed(2.0), "+2.0");
    check(signed(-2.05), "-2.1");
    check(signed(0.01), "0.0");
    check(rate(0.002_921), "0.0029");
    check(rate(0.5), "0.5");
    check(rate(0.95), "0.95");
    check(rate(4.571e-5), "4.6e-5");
    check(p_value(0.0344), "0.034");
    check(p_value(1.0), "1.000");
    check(p_value(0.0004), "<0.001");
    check(grouped(0.0), "0");
    check(grouped(999.0), "999");
    check(grouped(1_234_567.0), "1,234,567");
    check(plural(1, "problem"), "1 problem");
    check(plural(0, "problem"), "0 problems");
    check(draws([256, 256], [256, 256]), "256 draws");
    check(draws([1, 1], [1, 1]), "1 draw");
    check(draws([64, 256], [64, 256]), "64-256 draws");
    check(draws([256, 256], [64, 128]), "256 draws (base) and 64-128 (policy)");
}
