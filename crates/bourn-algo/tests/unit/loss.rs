use proptest::prelude::*;

use super::*;

/// Sums of tens of terms of size 1, each rounded a few times.
const ROUNDING: f64 = 1e-13;

const OBJECTIVE: LossSettings = LossSettings {
    loss_type: LossType::Grpo,
    max_completion_length: 4,
    surrogate: Surrogate::Clip,
    ratio_level: RatioLevel::Token,
    eps_low: 0.2,
    eps_high: 0.3,
    kl_coef: 0.0,
    kl_estimator: KlEstimator::K3,
    entropy_coef: 0.0,
};
const TYPES: [LossType; 4] = [LossType::Grpo, LossType::DrGrpo, LossType::Dapo, LossType::Sequence];

#[track_caller]
fn close(got: f64, expect: f64) {
    assert!((got - expect).abs() <= ROUNDING, "{got} is not {expect}");
}

#[test]
fn clipped_surrogate_worked_by_hand() {
    for (ratio, advantage, value, clip) in [
        (1.0, 2.0, 2.0, None),
        (1.5, 2.0, 2.6, Some(Clip::High)),
        (1.5, -2.0, -3.0, None),
        (0.5, 2.0, 1.0, None),
        (0.5, -2.0, -1.6, Some(Clip::Low)),
        (0.5, 0.0, 0.0, None),
        (9.0, 0.0, 0.0, None),
        (0.8, -2.0, -1.6, None),
    ] {
        let got = clipped_surrogate(ratio, advantage, 0.2, 0.3);
        close(got.0, value);
        assert_eq!(got.1, clip, "{ratio} {advantage}");
    }
    for (ratio, advantage) in [(f64::NAN, 1.0), (f64::NAN, -1.0), (1.0, f64::NAN)] {
        assert!(clipped_surrogate(ratio, advantage, 0.2, 0.3).0.is_nan());
    }
}

#[track_caller]
fn check_weights(loss_type: LossType, lengths: &[usize], kept: &[bool], expect: &[f64]) {
    let weights = token_weights(lengths, kept, loss_type, 8, Totals::of(lengths, kept)).unwrap();
    assert_eq!(weights, expect, "{loss_type:?}");
}

#[test]
fn token_weights_worked_by_hand() {
    let (lengths, all) = ([1, 4, 3], [true; 3]);
    check_weights(LossType::Grpo, &lengths, &all, &[1.0 / 3.0, 1.0 / 12.0, 1.0 / 9.0]);
    check_weights(LossType::DrGrpo, &lengths, &all, &[1.0 / 24.0; 3]);
    check_weights(LossType::Dapo, &lengths, &all, &[1.0 / 8.0; 3]);
    // Left out: no weight, but still one of three completions.
    let kept = [true, false, true];
    check_weights(LossType::Grpo, &lengths, &kept, &[1.0 / 3.0, 0.0, 1.0 / 9.0]);
    check_weights(LossType::DrGrpo, &lengths, &kept, &[1.0 / 24.0, 0.0, 1.0 / 24.0]);
    check_weights(LossType::Dapo, &lengths, &kept, &[1.0 / 4.0, 0.0, 1.0 / 4.0]);
    for loss_type in TYPES {
        check_weights(loss_type, &[], &[], &[]);
        check_weights(loss_type, &[0, 5], &[true, false], &[0.0, 0.0]);
    }
}

/// Two completions: two tokens with ratios 2 and ½ and advantage 1, one with ratio ½ and −2.
fn example<'a>(logp: &'a [[f64; 2]; 2]) -> [CompletionTerms<'a>; 2] {
    let first = CompletionTerms {
        logp: &logp[0],
        old_logp: &[0.0, 0.0],
        base_logp: Some(&[0.0, 0.0]),
        advantages: &[1.0, 1.0],
        entropy: Some(&[0.25, 0.75]),
        anchors: None,
        likelihood: 0.0,
        mask: &[true, true],
    };
    // The second token was not drawn by the policy; nothing of it may be read.
    let second = CompletionTerms {
        logp: &logp[1],
        old_logp: &[0.0, f64::NAN],
        base_logp: Some(&[0.0, f64::NAN]),
        advantages: &[-2.0, f64::NAN],
        entropy: Some(&[0.5, f64::NAN]),
        anchors: None,
        likelihood: 0.0,
        mask: &[true, false],
    };
    [first, second]
}

#[test]
fn policy_loss_worked_by_hand() {
    let ln2 = std::f64::consts::LN_2;
    let logp = [[ln2, -ln2], [-ln2, f64::NAN]];
    let completions = example(&logp);
    // Surrogates: min(2, 1.3) = 1.3 at the upper bound; ½; min(−1, −1.6) = −1.6 at the lower.
    // k1: ln 2, −ln 2, −ln 2. k3 with ratios base/π of ½, 2, 2: ln 2 − ½, 1 − ln 2, 1 − ln 2.
    let check = |loss_type, [a, b]: [f64; 2]| {
        let pg = -(a * 1.8 - b * 1.6);
        let entropy = a * 1.0 + b * 0.5;
        for (kl_estimator, kl) in [
            (KlEstimator::K1, -b * ln2),
            (KlEstimator::K2, (a + b / 2.0) * ln2 * ln2),
            (KlEstimator::K3, a * 0.5 + b * (1.0 - ln2)),
        ] {
            let objective = LossSettings {
                loss_type,
                kl_coef: 0.1,
                kl_estimator,
                entropy_coef: 0.01,
                ..OBJECTIVE
            };
            let report = policy_loss(&completions, &objective).unwrap();
            close(report.pg, pg);
            close(report.kl, kl);
            close(report.entropy, entropy);
            close(report.loss, pg + 0.1 * kl - 0.01 * entropy);
            close(report.clip_low, 1.0 / 3.0);
            close(report.clip_high, 1.0 / 3.0);
        }
        let plain = policy_loss(&completions, &LossSettings { loss_type, ..OBJECTIVE }).unwrap();
        close(plain.loss, pg);
        assert_eq!((plain.kl, plain.entropy), (0.0, 0.0));
    };
    check(LossType::Grpo, [1.0 / 4.0, 1.0 / 2.0]);
    check(LossType::DrGrpo, [1.0 / 8.0, 1.0 / 8.0]);
    check(LossType::Dapo, [1.0 / 3.0, 1.0 / 3.0]);
}

#[test]
fn at_ratio_one_the_loss_is_minus_the_advantage_and_so_is_its_slope() {
    let completion = CompletionTerms {
        logp: &[-1.0, -0.5],
        old_logp: &[-1.0, -0.5],
        base_logp: None,
        advantages: &[0.75, 0.75],
        entropy: None,
        anchors: None,
        likelihood: 0.0,
        mask: &[true, true],
    };
    let report = policy_loss(&[completion], &OBJECTIVE).unwrap();
    assert_eq!((report.loss, report.clip_low, report.clip_high), (-0.75, 0.0, 0.0));
    assert_eq!(policy_loss_slopes(&[completion], &OBJECTIVE).unwrap(), [[-0.375, -0.375]]);
}

#[test]
fn no_token_in_the_loss_is_a_loss_of_zero() {
    let masked = CompletionTerms { mask: &[false, false], ..example(&[[f64::NAN; 2]; 2])[1] };
    for loss_type in TYPES {
        for completions in [&[][..], &[masked]] {
            let objective = LossSettings { loss_type, ..OBJECTIVE };
            let report = policy_loss(completions, &objective).unwrap();
            assert_eq!((report.loss, report.clip_low, report.clip_high), (0.0, 0.0, 0.0));
        }
    }
}

#[test]
fn what_is_not_finite_stays_visible() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let logp = [[bad, 0.0], [0.0, 0.0]];
        let mut completions = example(&logp);
        // With advantage −2 no upper bound hides an infinite ratio; at −∞ it is the KL that shows.
        completions[0].advantages = &[-2.0, -2.0];
        let objective = LossSettings { kl_coef: 1.0, ..OBJECTIVE };
        assert!(!policy_loss(&completions, &objective).unwrap().loss.is_finite(), "{bad}");
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let logp = [[0.0; 2]; 2];
    let good = example(&logp);
    let check = |change: fn(&mut CompletionTerms), objective: LossSettings, expect: &str| {
        let mut completions = good;
        change(&mut completions[1]);
        for error in [
            policy_loss(&completions, &objective).unwrap_err(),
            policy_loss_slopes(&completions, &objective).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), expect);
        }
    };
    let length = |name, got| {
        format!(
            "`{name}` has {got} entries where 2 are expected: give one for every token of the \
             completion"
        )
    };
    check(|c| c.old_logp = &[0.0], OBJECTIVE, &length("old_logp", 1));
    check(|c| c.advantages = &[0.0], OBJECTIVE, &length("advantages", 1));
    check(|c| c.mask = &[], OBJECTIVE, &length("mask", 0));
    check(|c| c.base_logp = Some(&[0.0; 3]), OBJECTIVE, &length("base_logp", 3));
    check(|c| c.entropy = Some(&[0.0]), OBJECTIVE, &length("entropy", 1));
    check(
        |c| c.base_logp = None,
        LossSettings { kl_coef: 0.1, ..OBJECTIVE },
        "completion 1 has no `base_logp`: give it, or set `kl_coef` to 0",
    );
    check(
        |c| c.entropy = None,
        LossSettings { entropy_coef: 0.1, ..OBJECTIVE },
        "completion 1 has no `entropy`: give it, or set `entropy_coef` to 0",
    );
    check(
        |_| (),
        LossSettings { loss_type: LossType::DrGrpo, max_completion_length: 0, ..OBJECTIVE },
        "`max_completion_length` is 0: the `dr_grpo` loss divides by it, so set it to 1 or more",
    );
    assert_eq!(
        token_weights(&[1, 2], &[true], LossType::Dapo, 1, Totals::default()),
        Err(AlgoError::Length { name: "kept", got: 1, expected: 2, per: "completion" })
    );
}

/// A completion of random numbers that owns its lists.
#[derive(Clone, Debug)]
struct Owned {
    lists: Vec<[f64; 5]>,
    mask: Vec<bool>,
    /// Whether it has anchors and a likelihood term.
    extra: bool,
}

fn token() -> impl Strategy<Value = [f64; 5]> {
    // logp, old_logp, base_logp, advantage, entropy: ratios from e⁻¹ to e on both sides of the
    // bounds.
    (-3.0f64..-1.0, -1.0f64..1.0, -1.0f64..1.0, -2.0f64..2.0, 0.0f64..3.0).prop_map(
        |(logp, old, base, advantage, entropy)| [logp, logp - old, logp - base, advantage, entropy],
    )
}

fn completion(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Owned> {
    prop::collection::vec((token(), prop::bool::weighted(0.8)), lengths).prop_map(|tokens| {
        let (lists, mask) = tokens.into_iter().unzip();
        Owned { lists, mask, extra: false }
    })
}

fn with_terms<R>(owned: &[Owned], run: impl FnOnce(&[CompletionTerms<'_>]) -> R) -> R {
    let columns: Vec<[Vec<f64>; 5]> = owned
        .iter()
        .map(|o| std::array::from_fn(|c| o.lists.iter().map(|token| token[c]).collect()))
        .collect();
    let terms: Vec<CompletionTerms<'_>> = columns
        .iter()
        .zip(owned)
        .map(|([logp, old_logp, base_logp, advantages, entropy], owned)| CompletionTerms {
            logp,
            old_logp,
            base_logp: Some(base_logp),
            advantages,
            entropy: Some(entropy),
            // The entropies serve as anchors too: some weight, different at each token.
            anchors: owned.extra.then_some(entropy),
            likelihood: if owned.extra { 0.25 } else { 0.0 },
            mask: &owned.mask,
        })
        .collect();
    run(&terms)
}

fn loss(owned: &[Owned], objective: &LossSettings) -> f64 {
    with_terms(owned, |terms| policy_loss(terms, objective).unwrap().loss)
}

fn objective() -> impl Strategy<Value = LossSettings> {
    let kl = prop::sample::select(vec![KlEstimator::K1, KlEstimator::K2, KlEstimator::K3]);
    (prop::sample::select(TYPES.to_vec()), kl, 0.0f64..0.2, 0.0f64..0.1).prop_map(
        |(loss_type, kl_estimator, kl_coef, entropy_coef)| LossSettings {
            loss_type,
            kl_estimator,
            kl_coef,
            entropy_coef,
            ..OBJECTIVE
        },
    )
}

/// l_it straight from the module's formula, with `f64::clamp` and `f64::min`.
fn token_loss(&[logp, old, base, advantage, entropy]: &[f64; 5], objective: &LossSettings) -> f64 {
    let ratio = (logp - old).exp();
    let clipped = ratio.clamp(1.0 - objective.eps_low, 1.0 + objective.eps_high);
    let kl = objective.kl_estimator.value(logp, base);
    -f64::min(ratio * advantage, clipped * advantage) + objective.kl_coef * kl
        - objective.entropy_coef * entropy
}

fn in_loss(owned: &Owned) -> usize {
    owned.mask.iter().filter(|&&in_loss| in_loss).count()
}

proptest! {
    /// Micro batches of any size, each with its share of the update's weights, add up to the loss.
    #[test]
    fn micro_batches_add_up(
        owned in prop::collection::vec(completion(0..5), 1..7),
        size in 1usize..8,
        objective in objective(),
    ) {
        let lengths: Vec<usize> = owned.iter().map(in_loss).collect();
        let kept = vec![true; owned.len()];
        let weights = token_weights(&lengths, &kept, objective.loss_type, 4, Totals::of(&lengths, &kept)).unwrap();
        let parts = owned.chunks(size).zip(weights.chunks(size)).map(|(owned, weights)| {
            let sum = |owned: &Owned| -> f64 {
                let tokens = owned.lists.iter().zip(&owned.mask).filter(|&(_, &in_loss)| in_loss);
                tokens.map(|(token, _)| token_loss(token, &objective)).sum()
            };
            owned.iter().zip(weights).map(|(owned, weight)| weight * sum(owned)).sum::<f64>()
        });
        let (parts, whole) = (parts.sum::<f64>(), loss(&owned, &objective));
        prop_assert!((parts - whole).abs() <= ROUNDING, "{} {}", parts, whole);
    }

    /// Equal lengths, nothing masked: token mean = mean of means = constant divisor rescaled.
    #[test]
    fn loss_types_agree_on_equal_lengths(
        mut owned in prop::collection::vec(completion(3..4), 1..7),
        objective in objective(),
    ) {
        owned.iter_mut().for_each(|owned| owned.mask.fill(true));
        let of = |loss_type| loss(&owned, &LossSettings { loss_type, ..objective });
        let grpo = of(LossType::Grpo);
        prop_assert!((of(LossType::Dapo) - grpo).abs() <= ROUNDING);
        // 3 tokens of at most 4.
        prop_assert!((of(LossType::DrGrpo) - grpo * 3.0 / 4.0).abs() <= ROUNDING);
    }

    #[test]
    fn weights_sum_as_the_loss_type_says(
        completions in prop::collection::vec((0usize..6, any::<bool>()), 1..9),
    ) {
        let (lengths, kept): (Vec<usize>, Vec<bool>) = completions.into_iter().unzip();
        let lost = lengths.iter().zip(&kept).map(|(&n, &kept)| if kept { n } else { 0 });
        let lost: Vec<usize> = lost.collect();
        let tokens = lost.iter().sum::<usize>() as f64;
        let speaking = lost.iter().filter(|&&n| n > 0).count() as f64;
        let count = lengths.len() as f64;
        for (loss_type, expect) in [
            (LossType::Grpo, speaking / count),
            (LossType::DrGrpo, tokens / (count * 5.0)),
            (LossType::Dapo, if tokens > 0.0 { 1.0 } else { 0.0 }),
            (LossType::Sequence, tokens / count),
        ] {
            let weights = token_weights(&lengths, &kept, loss_type, 5, Totals::of(&lengths, &kept)).unwrap();
            let sum: f64 = weights.iter().zip(&lengths).map(|(w, &n)| w * n as f64).sum();
            prop_assert!((sum - expect).abs() <= ROUNDING, "{:?}: {} {}", loss_type, sum, expect);
        }
    }

    /// The analytic slope against the central difference of the loss itself.
    #[test]
    fn slope_is_the_difference_quotient(
        mut owned in prop::collection::vec(completion(1..4), 1..4),
        objective in objective(),
        kind in prop::sample::select(vec![Surrogate::Clip, Surrogate::Ratio, Surrogate::LogProb]),
        ratio_level in prop::sample::select(vec![RatioLevel::Token, RatioLevel::Sequence]),
        extra in any::<bool>(),
    ) {
        let objective = LossSettings { surrogate: kind, ratio_level, ..objective };
        owned.iter_mut().for_each(|owned| owned.extra = extra);
        let step = 1e-5;
        let slopes = with_terms(&owned, |terms| policy_loss_slopes(terms, &objective).unwrap());
        for (i, completion) in owned.iter().enumerate() {
            let drifts: Vec<f64> = completion.drifts();
            let mean = drifts.iter().sum::<f64>() / drifts.len() as f64;
            for (t, &[logp, old, ..]) in completion.lists.iter().enumerate() {
                let log_ratio =
                    if ratio_level == RatioLevel::Sequence { mean } else { logp - old };
                // The loss has a kink at each bound; a step across one has no derivative.
                if [0.8, 1.3].iter().any(|bound| (log_ratio.exp() - bound).abs() < 1e-3) {
                    continue;
                }
                let nudged = |by: f64| {
                    let mut owned = owned.clone();
                    owned[i].lists[t][0] += by;
                    loss(&owned, &objective)
                };
                let quotient = (nudged(step) - nudged(-step)) / (2.0 * step);
                // Third derivatives stay below 3 tokens of 2e (ratio · advantage), e, and 3e of the
                // anchor: 30 h²/6 = 5e-10; rounding of a loss below 30 is 3e-15/h = 3e-10.
                prop_assert!((slopes[i][t] - quotient).abs() <= 1e-9, "{:?} {}", slopes, quotient);
            }
        }
    }

    /// Completions of one token have one ratio, whatever it is of: GSPO is then GRPO.
    #[test]
    fn at_length_1_the_sequence_is_the_token(
        mut owned in prop::collection::vec(completion(1..2), 1..7),
        objective in objective(),
    ) {
        owned.iter_mut().for_each(|owned| owned.mask.fill(true));
        let of = |ratio_level| {
            let objective = LossSettings { ratio_level, ..objective };
            with_terms(&owned, |terms| {
                (policy_loss(terms, &objective).unwrap(), policy_loss_slopes(terms, &objective))
            })
        };
        prop_assert_eq!(of(RatioLevel::Token), of(RatioLevel::Sequence));
    }

    /// While no bound is met, clipping is not there, and CISPO's gradient is that of the ratio:
    /// ∇(r A) = r A ∇log π.
    #[test]
    fn between_the_bounds_the_surrogates_have_one_gradient(
        owned in prop::collection::vec(completion(1..4), 1..4),
        objective in objective(),
    ) {
        let of = |kind| {
            let wide = LossSettings { surrogate: kind, eps_low: 1.0, eps_high: 99.0, ..objective };
            with_terms(&owned, |terms| policy_loss_slopes(terms, &wide).unwrap())
        };
        let ratio = of(Surrogate::Ratio);
        for kind in [Surrogate::Clip, Surrogate::ClippedWeight] {
            for (a, b) in of(kind).iter().flatten().zip(ratio.iter().flatten()) {
                prop_assert!((a - b).abs() <= ROUNDING, "{:?}", kind);
            }
        }
    }

    /// At ratio 1, where every step begins, all four have the policy gradient −w A.
    #[test]
    fn on_policy_every_surrogate_is_reinforce(
        mut owned in prop::collection::vec(completion(1..4), 1..4),
        ratio_level in prop::sample::select(vec![RatioLevel::Token, RatioLevel::Sequence]),
    ) {
        for owned in &mut owned {
            owned.lists.iter_mut().for_each(|token| token[1] = token[0]);
            // One advantage a completion: what a sequence's ratio is made for.
            let advantage = owned.lists[0][3];
            owned.lists.iter_mut().for_each(|token| token[3] = advantage);
        }
        let of = |kind| {
            let objective = LossSettings { surrogate: kind, ratio_level, ..OBJECTIVE };
            with_terms(&owned, |terms| policy_loss_slopes(terms, &objective).unwrap())
        };
        let reinforce = of(Surrogate::LogProb);
        for kind in [Surrogate::Clip, Surrogate::Ratio, Surrogate::ClippedWeight] {
            for (a, b) in of(kind).iter().flatten().zip(reinforce.iter().flatten()) {
                prop_assert!((a - b).abs() <= ROUNDING, "{:?} {:?}", kind, ratio_level);
            }
        }
    }
}

impl Owned {
    /// log π − log π_old of the tokens in the loss.
    fn drifts(&self) -> Vec<f64> {
        let tokens = self.lists.iter().zip(&self.mask).filter(|&(_, &in_loss)| in_loss);
        tokens.map(|([logp, old, ..], _)| logp - old).collect()
    }
}

/// Two tokens with ratios 2 and ½ have a sequence ratio of 1; ratios 4 and 1 one of 2.
#[test]
fn other_surrogates_worked_by_hand() {
    let ln2 = std::f64::consts::LN_2;
    let of = |logp: &[f64], advantages: &[f64], surrogate, ratio_level| {
        let completion = CompletionTerms {
            logp,
            old_logp: &[0.0, 0.0],
            base_logp: None,
            advantages,
            entropy: None,
            anchors: None,
            likelihood: 0.0,
            mask: &[true, true],
        };
        let objective = LossSettings { surrogate, ratio_level, ..OBJECTIVE };
        let report = policy_loss(&[completion], &objective).unwrap();
        let slopes = policy_loss_slopes(&[completion], &objective).unwrap();
        (report.pg, slopes[0].clone(), report.clip_low, report.clip_high)
    };
    let (even, high) = ([ln2, -ln2], [2.0 * ln2, 0.0]);
    let check = |got: (f64, Vec<f64>, f64, f64), expect: (f64, [f64; 2], f64, f64)| {
        close(got.0, expect.0);
        got.1.iter().zip(expect.1).for_each(|(got, expect)| close(*got, expect));
        assert_eq!((got.2, got.3), (expect.2, expect.3));
    };
    let (token, sequence) = (RatioLevel::Token, RatioLevel::Sequence);
    // GSPO: ratio 1 at both; the slope of each log-prob is −s · mean A / 2 tokens · weight.
    check(of(&even, &[1.0; 2], Surrogate::Clip, sequence), (-1.0, [-0.5; 2], 0.0, 0.0));
    check(of(&high, &[1.0; 2], Surrogate::Clip, sequence), (-1.3, [0.0; 2], 0.0, 1.0));
    check(of(&high, &[-1.0; 2], Surrogate::Clip, sequence), (2.0, [1.0; 2], 0.0, 0.0));
    check(of(&even, &[1.0; 2], Surrogate::Ratio, token), (-1.25, [-1.0, -0.25], 0.0, 0.0));
    check(of(&even, &[1.0, 3.0], Surrogate::LogProb, token), (ln2, [-0.5, -1.5], 0.0, 0.0));
    // CISPO: weights 1.3 and 0.8, whatever the advantage's sign; no gradient is taken away.
    let loss = -(1.3 * ln2 - 0.8 * ln2) / 2.0;
    check(of(&even, &[1.0; 2], Surrogate::ClippedWeight, token), (loss, [-0.65, -0.4], 0.5, 0.5));
}

/// An anchor of weight 2 at ratio 2 costs 2 (2 − 1 − ln 2); a likelihood of ¼ costs −¼ ln 2.
#[test]
fn anchors_and_likelihood_worked_by_hand() {
    let ln2 = std::f64::consts::LN_2;
    let completion = CompletionTerms {
        logp: &[ln2],
        old_logp: &[0.0],
        base_logp: None,
        advantages: &[0.0],
        entropy: None,
        anchors: Some(&[2.0]),
        likelihood: 0.25,
        mask: &[true],
    };
    let report = policy_loss(&[completion], &OBJECTIVE).unwrap();
    close(report.extra, 2.0 * (1.0 - ln2) - 0.25 * ln2);
    close(report.loss, report.extra);
    // 2 (r − 1) − ¼.
    assert_eq!(policy_loss_slopes(&[completion], &OBJECTIVE).unwrap(), [[1.75]]);
}

/// Two parts of one update weigh their tokens as the whole does, if they are told its totals.
#[test]
fn parts_of_an_update_weigh_as_the_whole() {
    let (lengths, kept) = ([3, 1, 4, 2], [true, false, true, true]);
    let totals = Totals::of(&lengths, &kept);
    assert_eq!(totals, Totals { completions: 4.0, tokens: 9.0 });
    for loss_type in [LossType::Grpo, LossType::DrGrpo, LossType::Dapo, LossType::Sequence] {
        let whole = token_weights(&lengths, &kept, loss_type, 8, totals).unwrap();
        let part = |range: std::ops::Range<usize>| {
            token_weights(&lengths[range.clone()], &kept[range], loss_type, 8, totals).unwrap()
        };
        assert_eq!([part(0..1), part(1..4)].concat(), whole);
    }
}
