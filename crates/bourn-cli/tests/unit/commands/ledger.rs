#[test]
fn dates() {
    let check = |days: u64, expect: &str| assert_eq!(super::date(days * 86_400), expect);
    check(0, "1970-01-01");
    check(365, "1971-01-01");
    check(11_016, "2000-02-29");
    check(20_000, "2024-10-04");
}
