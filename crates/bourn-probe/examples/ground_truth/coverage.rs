//! How often the intervals hold the truth.

use std::collections::BTreeMap;

use bourn_probe::{Boundary, CompareError, CompareOptions, StopRule, compare_curves};
use rayon::prelude::*;

use crate::population::{Population, fixed, percent, side};

const REPLICATIONS: u64 = 2000;
const PROBLEMS: usize = 150;
const N_MAX: u64 = 256;
const LOOKS: u64 = 10;
const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.9, resamples: 599, seed: 5, look: 1, epsilon: None };

/// A gentle slope, and a policy that has sharpened: better where the base is good, worse where it
/// is bad, one problem in ten beyond both.
const POPULATIONS: [Population; 2] = [
    Population { name: "gentle", base: |u| u.powi(3), policy: |u| u.powi(4) },
    Population { name: "sharpened", base: wide, policy: |u| sharpened(wide(u), 1.0) },
];

/// Log-uniform from 0.0009 to 1, and 0 for one in ten.
fn wide(u: f64) -> f64 {
    if u > 0.9 { 0.0 } else { (-7.0 * u / 0.9).exp() }
}

/// `p` after training to a degree: what was likely is likelier, what was not is less likely.
fn sharpened(p: f64, degree: f64) -> f64 {
    if p > 0.02 { p.powf(1.0 - 0.5 * degree) } else { p * (1.0 - 0.8 * degree) }
}

/// Counts of intervals that held the truth, and the sum of their widths.
#[derive(Clone, Copy, Default)]
struct Held {
    held: u64,
    width: f64,
}

type Tally = BTreeMap<(&'static str, u64), Held>;

fn merge(mut a: Tally, b: Tally) -> Tally {
    for (what, held) in b {
        let sum = a.entry(what).or_default();
        sum.held += held.held;
        sum.width += held.width;
    }
    a
}

/// Prints the coverage section.
pub(crate) fn report() -> Result<(), CompareError> {
    println!("## Coverage\n");
    println!(
        "{REPLICATIONS} replications of {PROBLEMS} problems, at most {N_MAX} draws each, 90% intervals \
         from {} resamples. Each share has a standard error of 0.7 points where the true one is \
         90%. Mean widths, in points, in brackets.\n",
        OPTIONS.resamples
    );
    for population in POPULATIONS {
        for (how, rule) in [
            ("n fixed".to_owned(), fixed(N_MAX)),
            ("stopped at success 8".to_owned(), StopRule { successes: 8, n_max: N_MAX }),
        ] {
            println!("### {}, {how}\n", population.name);
            table(&population, rule)?;
        }
    }
    looks()
}

fn table(population: &Population, rule: StopRule) -> Result<(), CompareError> {
    let truths: BTreeMap<u64, [f64; 2]> =
        (0..=8).map(|bit| 1 << bit).map(|k| (k, population.truth(k))).collect();
    let one = |replication: u64| -> Result<Tally, CompareError> {
        let rates = population.rates(replication, PROBLEMS);
        let of = |model: usize| {
            let rates: Vec<f64> = rates.iter().map(|pair| pair[model]).collect();
            side(&rates, replication, model as u64, rule)
        };
        let b = compare_curves(&of(0), &of(1), &OPTIONS)?;
        Ok(tally(&b, &truths))
    };
    let tally = (0..REPLICATIONS)
        .into_par_iter()
        .map(one)
        .try_reduce(Tally::new, |a, b| Ok(merge(a, b)))?;

    println!("| figure | k = 1 | k = 16 | k = 64 | k = 256 |");
    println!("|---|---|---|---|---|");
    let cell = |what, k| {
        let Held { held, width } = tally[&(what, k)];
        let n = REPLICATIONS as f64;
        format!("{} ({})", percent(held as f64 / n), percent(width / n))
    };
    for what in ["base", "policy", "delta", "delta, nested", "delta, any-time, look 1"] {
        let cells: Vec<String> = [1, 16, 64, 256].map(|k| cell(what, k)).to_vec();
        println!("| {what} | {} |", cells.join(" | "));
    }
    println!("| Δ_SE | | | | {} |", cell("delta_se", 256));
    println!();
    println!(
        "Bands, the whole curve at once: base {}, policy {}, delta {}; pointwise intervals of delta, \
              all at once: {}.\n",
        cell("base band", 0),
        cell("policy band", 0),
        cell("delta band", 0),
        cell("delta all", 0)
    );
    Ok(())
}

/// What of one comparison held the truth.
fn tally(b: &Boundary, truths: &BTreeMap<u64, [f64; 2]>) -> Tally {
    let mut tally = Tally::new();
    let mut check = |what, k, low: f64, high: f64, truth: f64| {
        let entry: &mut Held = tally.entry((what, k)).or_default();
        entry.held += u64::from(low <= truth && truth <= high);
        entry.width += high - low;
        low <= truth && truth <= high
    };
    let paired = b.paired.as_ref().expect("compare fills it");
    let mut all = [true; 4];
    let mut widths = [0.0; 4];
    for (i, &k) in b.k.iter().enumerate() {
        let [base, policy] = truths[&k];
        let delta = policy - base;
        check("base", k, b.base.ci_low[i], b.base.ci_high[i], base);
        check("policy", k, b.policy.ci_low[i], b.policy.ci_high[i], policy);
        let pointwise = check("delta", k, b.delta.ci_low[i], b.delta.ci_high[i], delta);
        let nested = paired.delta_nested[i];
        check("delta, nested", k, nested.low, nested.high, delta);
        let anytime = paired.delta_anytime[i];
        check("delta, any-time, look 1", k, anytime.low, anytime.high, delta);
        let bands = [
            (paired.base_band[i], base),
            (paired.policy_band[i], policy),
            (paired.delta_band[i], delta),
        ];
        for (band, (interval, truth)) in bands.into_iter().enumerate() {
            all[band] &= interval.low <= truth && truth <= interval.high;
            widths[band] += (interval.high - interval.low) / b.k.len() as f64;
        }
        all[3] &= pointwise;
        widths[3] += (b.delta.ci_high[i] - b.delta.ci_low[i]) / b.k.len() as f64;
    }
    let delta_se = truths[&b.k_max()][0] - truths[&1][1];
    check("delta_se", b.k_max(), b.delta_se_ci_low, b.delta_se_ci_high, delta_se);
    for (i, what) in ["base band", "policy band", "delta band", "delta all"].into_iter().enumerate()
    {
        let held = Held { held: u64::from(all[i]), width: widths[i] };
        tally.insert((what, 0), held);
    }
    tally
}

/// Ten looks at the same problems and the same draws of the base, as in training.
fn looks() -> Result<(), CompareError> {
    let rule = StopRule { successes: 8, n_max: N_MAX };
    let options = CompareOptions { resamples: 199, ..OPTIONS };
    let at = |k: u64, degree: f64| {
        const POINTS: u32 = 100_000;
        let pass = |p: f64| -(k as f64 * (-p).ln_1p()).exp_m1();
        let difference = |point: u32| {
            let p = wide((f64::from(point) + 0.5) / f64::from(POINTS));
            pass(sharpened(p, degree)) - pass(p)
        };
        (0..POINTS).map(difference).sum::<f64>() / f64::from(POINTS)
    };
    println!("### Ten looks\n");
    println!(
        "The sharpened population after a tenth of the training, two tenths, …, drawn anew at each \
              look against the same draws of the base, stopped at success 8. Share of replications \
              in which the interval of delta holds the truth at *all* ten looks:\n"
    );
    println!(
        "| k | bootstrap, each look by itself | any-time | mean width of the any-time interval, looks 1 and 10 |"
    );
    println!("|---|---|---|---|");
    for k in [1, 256] {
        let degree = |look: u64| look as f64 / LOOKS as f64;
        let truths: Vec<f64> = (1..=LOOKS).map(|look| at(k, degree(look))).collect();
        let one = |replication: u64| -> Result<[f64; 4], CompareError> {
            let rates: Vec<f64> =
                POPULATIONS[1].rates(replication, PROBLEMS).iter().map(|pair| pair[0]).collect();
            let base = side(&rates, replication, 0, rule);
            let mut held = [1.0, 1.0, 0.0, 0.0];
            for look in 1..=LOOKS {
                let now: Vec<f64> = rates.iter().map(|&p| sharpened(p, degree(look))).collect();
                let policy = side(&now, replication, look, rule);
                let b = compare_curves(&base, &policy, &CompareOptions { look, ..options })?;
                let i =
                    b.k.iter().position(|&at| at == k).expect("k is a power of two up to n_max");
                let truth = truths[look as usize - 1];
                let anytime = b.paired.expect("compare fills it").delta_anytime[i];
                if !(b.delta.ci_low[i] <= truth && truth <= b.delta.ci_high[i]) {
                    held[0] = 0.0;
                }
                if !(anytime.low <= truth && truth <= anytime.high) {
                    held[1] = 0.0;
                }
                if look == 1 {
                    held[2] = anytime.high - anytime.low;
                }
                held[3] = anytime.high - anytime.low;
            }
            Ok(held)
        };
        let sums = (0..REPLICATIONS / 2)
            .into_par_iter()
            .map(one)
            .try_reduce(|| [0.0; 4], |a, b| Ok(std::array::from_fn(|i| a[i] + b[i])))?;
        let [bootstrap, anytime, first, last] =
            sums.map(|sum| percent(sum / (REPLICATIONS / 2) as f64));
        println!("| {k} | {bootstrap} | {anytime} | {first}, {last} |");
    }
    println!();
    Ok(())
}
