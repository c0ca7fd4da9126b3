use super::*;

#[test]
fn the_tail_of_a_beta_binomial() {
    // Exact for a = b = 1/2: P(X = x) = C(2x, x) C(2n−2x, n−x) / 4ⁿ, the arcsine law.
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    for n in 0..30 {
        for m in 1..=n {
            let arcsine = |x| choose(2 * x, x) * choose(2 * (n - x), n - x) / 4f64.powi(n as i32);
            let expect: f64 = (m..=n).map(arcsine).sum();
            let (found, sum) = beta_binomial_tails(n, m, 0.5, 0.5);
            // Thirty terms of size at most one, each good to a few units in the last place.
            assert!((found - expect).abs() < 1e-13, "{n} {m}: {found} {expect}");
            let before: f64 = (0..n).map(|i| beta_binomial_tails(i, m, 0.5, 0.5).0).sum();
            assert!((sum - before).abs() < 1e-12, "{n} {m}: {sum} {before}");
        }
    }
    // One draw succeeds with the mean of the posterior.
    assert!((beta_binomial_tails(1, 1, 2.5, 7.5).0 - 0.25).abs() < 1e-15);
}

/// A number in 0..1 that depends on its arguments alone.
fn uniform(seed: u64, problem: usize, number: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    for part in [seed, problem as u64, number] {
        hasher.update(&part.to_le_bytes());
    }
    let bytes = hasher.finalize();
    let first: [u8; 8] = bytes.as_bytes()[..8].try_into().unwrap();
    (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What drawing a population with `batch` slots came to.
#[derive(Debug)]
struct Spent {
    made: u64,
    cut: u64,
    /// Slots without a completion, and all slots, summed over decoding steps.
    idle: u64,
    slots: u64,
    /// Most problems under way at once.
    open: usize,
    /// Draws that count, of each problem.
    counted: Vec<u64>,
}

/// Draws problems of success probabilities `p`, each completion taking 1 to 20 steps.
fn simulate(p: &[f64], batch: usize, extent: Extent) -> Spent {
    let mut scheduler = Scheduler::new(extent, p.iter().map(|_| []));
    let mut spent = Spent { made: 0, cut: 0, idle: 0, slots: 0, open: 0, counted: vec![] };
    let mut rows: Vec<(usize, u64, u64)> = Vec::new();
    loop {
        while rows.len() < batch
            && let Some((problem, number)) = scheduler.next()
        {
            let steps = 1 + (uniform(1, problem, number) * 20.0) as u64;
            rows.push((problem, number, steps));
        }
        if rows.is_empty() {
            break;
        }
        spent.slots += batch as u64;
        spent.idle += (batch - rows.len()) as u64;
        let open: std::collections::BTreeSet<usize> = rows.iter().map(|row| row.0).collect();
        spent.open = spent.open.max(open.len());
        rows.iter_mut().for_each(|row| row.2 -= 1);
        for &(problem, number, _) in rows.iter().filter(|row| row.2 == 0) {
            scheduler.finished(problem, number, uniform(2, problem, number) < p[problem]);
        }
        rows.retain(|&(problem, number, left)| left > 0 && scheduler.is_wanted(problem, number));
    }
    assert_eq!(scheduler.first_undecided(), None);
    spent.counted = (0..p.len()).map(|problem| scheduler.counted_of(problem)).collect();
    (spent.made, spent.cut) = (scheduler.launched(), scheduler.cut());
    assert_eq!(spent.made - spent.cut, spent.counted.iter().sum::<u64>());
    spent
}

/// 96 problems: easy ones; rates from 0.001 to 1, evenly on a log scale; and hard ones, of which
/// three in ten are never solved.
fn mixes() -> [(&'static str, Vec<f64>); 3] {
    let of = |rate: fn(f64) -> f64| (0..96).map(|i| rate(uniform(3, i, 0))).collect::<Vec<f64>>();
    let mut hard = of(|u| 10_f64.powf(-1.0 - 2.0 * u));
    (0..96).filter(|i| i % 10 < 3).for_each(|i| hard[i] = 0.0);
    [("easy", of(|u| 0.2 + 0.7 * u)), ("wide", of(|u| 10_f64.powf(-3.0 * u))), ("hard", hard)]
}

#[test]
fn little_is_cut_and_few_slots_are_idle() {
    for (name, p) in mixes() {
        for stop in [4, 8] {
            let extent = Extent::new(1024, stop);
            let expect = simulate(&p, 1, extent);
            assert_eq!((expect.cut, expect.idle), (0, 0), "one at a time");
            for batch in [64, 256] {
                let spent = simulate(&p, batch, extent);
                println!(
                    "{name} stop {stop} batch {batch}: {} made, {} cut, {:.1}% idle, {} open",
                    spent.made,
                    spent.cut,
                    100.0 * spent.idle as f64 / spent.slots as f64,
                    spent.open
                );
                // What counts does not depend on the batch.
                assert_eq!(spent.counted, expect.counted);
                assert!(20 * spent.cut < spent.made, "{name} {stop} {batch}: {spent:?}");
                // Where there is work for many batches at most one slot in twenty stays empty rather
                // than risk a draw; an easy population is done after a few batches.
                if spent.made > 100 * batch as u64 {
                    assert!(20 * spent.idle < spent.slots, "{name} {stop} {batch}: {spent:?}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_cut_is_not() {
    // As long as only draws without risk are started, whichever of them finishes first, none is cut.
    for seed in 0..400 {
        let (p, stop) = ([0.1, 0.4, 0.8, 1.0][seed as usize % 4], 1 + seed % 7);
        let mut scheduler = Scheduler::new(Extent::new(30, stop), [[]]);
        let (mut rows, mut most, mut step) = (Vec::new(), 0, 0);
        while scheduler.first_undecided().is_some() {
            while scheduler.is_open(0) && (scheduler.tracks[0].waste == 0.0) {
                rows.push(scheduler.next().unwrap().1);
            }
            most = most.max(rows.len());
            step += 1;
            let at = (uniform(seed, 9, step) * rows.len() as f64) as usize;
            let number = rows.swap_remove(at);
            scheduler.finished(0, number, uniform(seed, 0, number) < p);
        }
        assert_eq!((scheduler.cut(), most as u64), (0, stop), "{seed}");
    }
    // A fixed number is drawn in order, problem after problem, with every slot filled to the last.
    let spent = simulate(&[0.5; 4], 8, Extent::Fixed(64));
    assert_eq!((spent.made, spent.cut, spent.counted), (256, 0, vec![64; 4]));
    assert!(spent.open <= 2);
}

#[test]
fn what_lies_beyond_a_known_end_is_given_up() {
    let mut scheduler = Scheduler::new(Extent::new(100, 2), [[]]);
    let started: Vec<_> = std::iter::from_fn(|| scheduler.next()).collect();
    // Two are safe; at the start no risk is affordable.
    assert_eq!(started, [(0, 0), (0, 1)]);
    scheduler.finished(0, 1, false);
    assert_eq!(scheduler.next(), Some((0, 2)));
    scheduler.finished(0, 2, true);
    assert!(scheduler.is_open(0) && scheduler.is_wanted(0, 0));
    // One is lacking and one is under way.
    assert_eq!(scheduler.next(), None);
    scheduler.finished(0, 0, true);
    // Number 2 was the second success in draw order.
    assert!(!scheduler.is_open(0) && !scheduler.is_wanted(0, 3));
    assert_eq!((scheduler.counted_of(0), scheduler.cut(), scheduler.decided()), (3, 0, 1));

    // Held draws of which successes 1 and 2 came first, then a probe that needs a third.
    let mut scheduler = Scheduler::new(Extent::new(6, 3), [[true, true, false]]);
    assert_eq!(scheduler.next(), Some((0, 3)));
    scheduler.finished(0, 3, false);
    assert_eq!(scheduler.next(), Some((0, 4)));
    scheduler.finished(0, 4, false);
    assert_eq!(scheduler.next(), Some((0, 5)));
    assert_eq!(scheduler.next(), None, "n_max");
    scheduler.finished(0, 5, false);
    assert_eq!((scheduler.counted(), scheduler.launched(), scheduler.cut()), (6, 3, 0));
}
