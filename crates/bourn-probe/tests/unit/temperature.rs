use std::convert::Infallible;

use bourn_verify::Verdict;

use super::*;
use crate::Draw;

/// A problem for each of these: (entropy of its draws in nats, tokens of each); two draws.
fn ledger(problems: &[(f64, u32)]) -> Ledger {
    let mut ledger = Ledger::new();
    for (index, &(entropy, tokens)) in problems.iter().enumerate() {
        let draw = Draw {
            verdict: if index == 0 { Verdict::Correct } else { Verdict::Wrong },
            answer: None,
            text: String::new(),
            tokens,
            logprob: -1.0,
            full_logprob: -1.0,
            entropy,
            truncated: false,
            ids: Vec::new(),
            entropies: Vec::new(),
        };
        let draws = vec![draw.clone(), draw];
        ledger.insert(format!("{index}"), "p".to_owned(), draws).unwrap();
    }
    ledger
}

/// A policy whose entropy at temperature t is `of(t)`, in two problems that lie `spread` about it.
fn search(base: f64, start: f64, spread: f64, of: impl Fn(f64) -> f64) -> (Match, Vec<f64>) {
    let base = ledger(&[(base, 4), (base, 4)]);
    let mut tried = Vec::new();
    let found = match_temperature(&base, start, &mut |t| -> Result<_, Infallible> {
        tried.push(t);
        Ok(ledger(&[(of(t) - spread, 4), (of(t) + spread, 4)]))
    });
    let Ok(found) = found;
    (found, tried)
}

#[test]
fn gaps_by_hand() {
    // Base: (0.5·2·2 + 1·2·6)/(16) = 14/16 = 0.875. Policy: (1·4 + 2·12)/16 = 1.75.
    let (base, policy) = (ledger(&[(0.5, 2), (1.0, 6)]), ledger(&[(1.0, 2), (2.0, 6)]));
    let (b, p, error) = gap(&base, &policy).unwrap();
    assert_eq!((b, p), (0.875, 1.75));
    // Influences: tokens a problem 8; base (2 − 0.875·4)/8 = −3/16 and its opposite; policy twice
    // that. Differences ∓3/16, √(2·(3/16)²/(2·1)) = 3/16.
    assert!((error - 3.0 / 16.0).abs() < 1e-15, "{error}");
    // One problem has no variation to show.
    assert_eq!(gap(&ledger(&[(1.0, 3)]), &ledger(&[(2.0, 3)])), Some((1.0, 2.0, 0.0)));
    assert_eq!(gap(&base, &ledger(&[(0.0, 0), (0.0, 0)])), None);
}

#[test]
fn roots_of_known_curves_are_found_within_the_stated_tolerance() {
    type Entropy = fn(f64) -> f64;
    // (entropy at t, base's entropy, its root)
    let curves: [(Entropy, f64, f64); 5] = [
        (|t| 0.5 * t, 0.7, 1.4),
        (|t| 0.5 * t, 0.2, 0.4),
        // Saturates, as entropies do: ln V at high temperatures.
        (|t| 3.0 * t * t / (1.0 + t * t), 2.7, 3.0),
        (|t| 3.0 * (-2.0 / t).exp(), 0.15, 2.0 / 20.0_f64.ln()),
        // Flat, then steep.
        (|t| t.powi(8), 256.0, 2.0),
    ];
    for (of, base, root) in curves {
        let (found, tried) = search(base, 1.0, 0.0, of);
        let Match::Found(found) = found else { panic!("{root}: {found:?}") };
        assert!((found.policy_entropy - base).abs() <= found.tolerance.max(1e-3), "{found:?}");
        assert_eq!((found.base_entropy, found.standard_error, found.tolerance), (base, 0.0, 1e-3));
        // The tolerance in nats over the slope there, and four digits of rounding.
        let slope = (of(root * 1.001) - of(root * 0.999)) / (0.002 * root);
        let width = 1.5e-3 / slope + 1e-3 * root;
        assert!((found.temperature - root).abs() <= width, "{root}: {found:?}");
        assert_eq!(found.trials as usize, tried.len());
        assert!(tried.len() <= MOST_TRIALS, "{tried:?}");
        assert_eq!(tried[0], 1.0, "the base's temperature goes first");
    }
}

#[test]
fn equal_models_match_at_once_and_noise_sets_the_tolerance() {
    let (found, tried) = search(0.5, 0.6, 0.0, |t| 0.5 / 0.6 * t);
    assert_eq!(tried, [0.6]);
    assert!(matches!(found, Match::Found(Matched { temperature, .. }) if temperature == 0.6));
    // Influences ±0.4 about the mean: √(2·0.16/2) = 0.4, a quarter of which is enough.
    let (found, tried) = search(0.5, 1.0, 0.4, |t| 0.42 * t);
    let Match::Found(found) = found else { panic!("{found:?}") };
    assert!((found.standard_error - 0.4).abs() < 1e-12, "{found:?}");
    assert!((found.tolerance - 0.1).abs() < 1e-12, "{found:?}");
    assert_eq!((tried.as_slice(), found.temperature), (&[1.0][..], 1.0));
}

#[test]
fn what_cannot_be_matched_says_why() {
    let reason = |base, start, of: fn(f64) -> f64| match search(base, start, 0.0, of) {
        (Match::NotFound { reason, trials }, tried) => {
            assert_eq!(trials as usize, tried.len());
            assert!(tried.iter().all(|t| (0.05..=10.0).contains(t)), "{tried:?}");
            (reason, *tried.last().unwrap())
        }
        (found, _) => panic!("{found:?}"),
    };
    let (why, last) = reason(1.0, 1.0, |t| 0.09 * t);
    assert_eq!(
        why,
        "the policy's entropy is 0.900 nats at temperature 10, still below the base's 1.000"
    );
    assert_eq!(last, 10.0);
    let (why, last) = reason(0.1, 1.0, |t| 1.0 + t);
    assert_eq!(
        why,
        "the policy's entropy is 1.050 nats at temperature 0.05, still above the base's 0.100"
    );
    assert_eq!(last, 0.05);
    // Starts beyond the range are taken to its end.
    assert!(reason(9.0, 50.0, |_| 1.0).0.contains("still below"));
    // A jump at 2 from 0.2 to 1.2, past 0.5; four digits are told apart there, no more.
    let (why, _) = reason(0.5, 1.0, |t| if t < 2.0 { 0.2 } else { 1.2 });
    assert!(why.contains("jumps from 0.200 to 1.200 nats between temperatures 1.99"), "{why}");
    let silent = ledger(&[(0.0, 0), (0.0, 0)]);
    let found = match_temperature(&silent, 1.0, &mut |_| Ok::<_, Infallible>(silent.clone()));
    assert!(matches!(found, Ok(Match::NotFound { ref reason, .. }) if reason.contains("no token")));
}

#[test]
fn failures_of_the_draws_pass_through() {
    let base = ledger(&[(1.0, 2), (1.0, 2)]);
    assert_eq!(match_temperature(&base, 1.0, &mut |_| Err("broken")), Err("broken"));
}

#[test]
fn temperatures_are_what_they_are_shown_as() {
    for (from, to) in
        [(1.0, "1"), (1.234567, "1.235"), (0.0512345, "0.05123"), (9.99996, "10"), (0.6, "0.6")]
    {
        assert_eq!(four_digits(from).to_string(), to);
    }
}

#[test]
fn a_point_is_the_boundary_of_its_ledgers() {
    let (base, policy) = (ledger(&[(0.5, 2), (1.0, 6)]), ledger(&[(1.0, 2), (2.0, 6)]));
    let options = CompareOptions { resamples: 200, ..CompareOptions::default() };
    let point = temperature_point((0.6, 1.2), &base, &policy, 8, &options).unwrap();
    let whole = boundary(&base, &policy, &options).unwrap();
    assert_eq!((point.base_temperature, point.policy_temperature, point.draws), (0.6, 1.2, 8));
    assert_eq!((point.base_entropy, point.policy_entropy), (0.875, 1.75));
    let estimates =
        [(&point.base, &whole.base), (&point.policy, &whole.policy), (&point.delta, &whole.delta)];
    for (got, curve) in estimates {
        assert_eq!(got.len(), whole.k.len());
        assert!(got.iter().enumerate().all(|(index, &e)| curve.at(index) == Some(e)), "{got:?}");
    }
}
