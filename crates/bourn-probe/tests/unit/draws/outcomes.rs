use super::*;

#[test]
fn counts_are_checked() {
    let check = |n, c, expect: Result<f64, OutcomesError>| {
        assert_eq!(Outcomes::new(n, c).map(Outcomes::accuracy), expect, "n={n} c={c}");
    };
    check(1, 0, Ok(0.0));
    check(1, 1, Ok(1.0));
    check(256, 64, Ok(0.25));
    check(MAX_DRAWS, MAX_DRAWS, Ok(1.0));
    check(0, 0, Err(OutcomesError::NoDraws));
    check(0, 1, Err(OutcomesError::NoDraws));
    check(3, 4, Err(OutcomesError::MoreCorrectThanDrawn { n: 3, c: 4 }));
    check(MAX_DRAWS + 1, 0, Err(OutcomesError::TooMany(MAX_DRAWS + 1)));
    check(u64::MAX, u64::MAX, Err(OutcomesError::TooMany(u64::MAX)));
}

#[test]
fn rules_are_kept() {
    let check = |(n, c), (successes, n_max), expect: Result<bool, OutcomesError>| {
        let got = Outcomes::stopped(n, c, StopRule { successes, n_max });
        assert_eq!(got.map(Outcomes::ended_by_success), expect, "{n} {c} {successes} {n_max}");
    };
    check((57, 8), (8, 1024), Ok(true));
    check((1024, 3), (8, 1024), Ok(false));
    check((1024, 0), (8, 1024), Ok(false));
    // Both at once: the last draw was the success that was missing.
    check((8, 8), (8, 8), Ok(true));
    check((1, 1), (1, 1), Ok(true));
    // Out of reach: a fixed n by another name.
    check((8, 8), (9, 8), Ok(false));
    let unfinished = |n, c| OutcomesError::Unfinished { n, c, stop: 8, n_max: 1024 };
    check((57, 7), (8, 1024), Err(unfinished(57, 7)));
    check((1023, 0), (8, 1024), Err(unfinished(1023, 0)));
    check((57, 9), (8, 1024), Err(OutcomesError::PastLastSuccess { c: 9, stop: 8 }));
    check((1024, 9), (8, 1024), Err(OutcomesError::PastLastSuccess { c: 9, stop: 8 }));
    check((1025, 8), (8, 1024), Err(OutcomesError::PastLastDraw { n: 1025, n_max: 1024 }));
    check((0, 0), (8, 1024), Err(OutcomesError::NoDraws));
    check((7, 8), (8, 1024), Err(OutcomesError::MoreCorrectThanDrawn { n: 7, c: 8 }));
    check((1, 0), (0, 1), Err(OutcomesError::NoStop));
    check((1, 0), (1, 0), Err(OutcomesError::NoDrawsAllowed));
    let many = MAX_DRAWS + 1;
    check((1, 1), (1, many), Err(OutcomesError::TooManyAllowed(many)));
}

#[test]
fn draws_are_cut_in_draw_order() {
    let check = |draws: &[u8], (successes, n_max), expect: Result<(u64, u64), OutcomesError>| {
        let rule = StopRule { successes, n_max };
        let got = Outcomes::cut(draws.iter().map(|&d| d == 1), rule);
        assert_eq!(got.map(|o| (o.n(), o.c())), expect, "{draws:?} {rule:?}");
    };
    check(&[0, 1, 0, 1], (2, 8), Ok((4, 2)));
    // Beyond the second success, beyond the last draw.
    check(&[0, 1, 0, 1, 1, 1, 0], (2, 8), Ok((4, 2)));
    check(&[0, 0, 0, 1, 1], (2, 4), Ok((4, 1)));
    check(&[1, 1], (1, 4), Ok((1, 1)));
    let unfinished = OutcomesError::Unfinished { n: 3, c: 1, stop: 2, n_max: 8 };
    check(&[0, 1, 0], (2, 8), Err(unfinished));
    check(&[], (2, 8), Err(OutcomesError::NoDraws));
    // No rule to cut by, rather than everything cut.
    check(&[1], (0, 8), Err(OutcomesError::NoStop));
    check(&[1], (1, 0), Err(OutcomesError::NoDrawsAllowed));
}

#[test]
fn json_is_checked_too() {
    let read = |text| serde_json::from_str::<Outcomes>(text).map_err(|e| e.to_string());
    assert_eq!(read(r#"{"n":4,"c":1}"#), Outcomes::new(4, 1).map_err(|e| e.to_string()));
    assert!(read(r#"{"n":4,"c":5}"#).unwrap_err().contains("c = 5 is more than n = 4"));
    assert!(read(r#"{"n":4,"c":1,"stop":1}"#).unwrap_err().contains("stop but no n_max"));
    assert!(read(r#"{"n":4,"c":1,"r":1}"#).unwrap_err().contains("unknown field `r`"));
    for text in [r#"{"n":4,"c":1}"#, r#"{"n":4,"c":2,"stop":2,"n_max":9}"#] {
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    }
}

#[test]
fn accuracies_are_in_id_order() {
    let outcomes = BTreeMap::from([
        ("b".to_owned(), Outcomes::new(2, 1).unwrap()),
        ("a".to_owned(), Outcomes::new(4, 3).unwrap()),
    ]);
    assert_eq!(accuracies(&outcomes), [0.75, 0.5]);
}
