use super::*;

/// The first `places` decimals of a number, cut.
fn decimals(x: &Big, places: u32) -> String {
    let scaled = (x.abs().to_fixed(300) * BigInt::from(10u8).pow(places)) >> 300u16;
    let text = format!("{scaled:0>width$}", width = places as usize + 1);
    let (whole, rest) = text.split_at(text.len() - places as usize);
    format!("{}{whole}.{rest}", if x.is_negative() { "-" } else { "" })
}

/// Forty decimals of known constants.
#[test]
fn functions_have_the_digits_of_tables() {
    let p = Precision::new(300);
    let ratio = |top: i64, bottom: i64| p.rational(&BigRational::new(top.into(), bottom.into()));
    let check = |x: Big, expect: &str| assert_eq!(decimals(&x, 40), expect);
    check(p.pi(), "3.1415926535897932384626433832795028841971");
    check(p.exp(&ratio(1, 1)).unwrap(), "2.7182818284590452353602874713526624977572");
    check(p.exp(&ratio(-1, 1)).unwrap(), "0.3678794411714423215955237701614608674458");
    check(p.ln(&ratio(2, 1)).unwrap(), "0.6931471805599453094172321214581765680755");
    check(p.ln(&ratio(1, 10)).unwrap(), "-2.3025850929940456840179914546843642076011");
    check(p.root(&ratio(2, 1), 2), "1.4142135623730950488016887242096980785696");
    check(p.root(&ratio(1, 2), 3), "0.7937005259840997373758528196361541301957");
    let (cosine, sine) = p.turn(&ratio(1, 1)).unwrap();
    check(cosine, "0.5403023058681397174009366074429766037323");
    check(sine, "0.8414709848078965066525023216302989996225");
    let (cosine, sine) = p.turn(&ratio(-100, 1)).unwrap();
    check(cosine, "0.8623188722876839341019385139508425355100");
    check(sine, "0.5063656411097587936565576104597854320650");
    check(p.arctangent(&ratio(1, 2)), "0.4636476090008061162142562314612144020285");
    check(p.arctangent(&ratio(-3, 1)), "-1.2490457723982544258299170772810901230778");
    check(
        p.over(&ratio(1, 3), &ratio(-1, 1)).unwrap(),
        "-0.3333333333333333333333333333333333333333",
    );
    assert!(p.over(&ratio(1, 1), &Big::zero()).is_none());
    assert!(p.exp(&ratio(1 << 40, 1)).is_none());
}
