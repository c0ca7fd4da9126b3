//! The engine on Burn's operations against the CPU's kernels and the formulas in f64.
//!
//! Tolerances: 1e-4 between two f32 forwards of other orders of summation, which is how far each may
//! be from the formulas.

use bourn_rollout::{
    Completion, Engine, Finish, Inputs, Prompt, Request, Rollouts, Sampling, ScoreItem, Scored,
};
use rand::RngCore;

use crate::common::*;
use crate::reference::{check_scores, forward};
use crate::streams::Until;

const TOLERANCE: f32 = 1e-4;

/// Prompts around the edges of the buckets, two of them equal, one longer than a chunk.
pub(crate) fn prompts(vocab: usize) -> Vec<Inputs> {
    let mut all: Vec<Inputs> =
        [1, 5, 64, 65, 5, 100, 600].iter().map(|&n| prompt(9, n, vocab)).collect();
    all[4] = all[1].clone();
    all
}

pub(crate) fn requests(prompts: &[Inputs], count: u64) -> Vec<Request<'_>> {
    const STREAMS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
    let one = |(prompt, stream)| Request { prompt, stream, first: 0, count };
    prompts.iter().zip(STREAMS).map(one).collect()
}

/// The completions of each request as items to score.
fn items<'a>(requests: &[Request<'a>], drawn: &'a [Vec<Completion>]) -> Vec<ScoreItem<'a>> {
    let of = |(request, drawn): (&Request<'a>, &'a Vec<Completion>)| {
        let prompt = request.prompt;
        drawn.iter().map(move |c| ScoreItem { prompt, completion: &c.tokens }).collect::<Vec<_>>()
    };
    requests.iter().zip(drawn).flat_map(of).collect()
}

#[track_caller]
pub(crate) fn check_close(found: &[f32], expect: &[f32], what: &str) {
    assert_eq!(found.len(), expect.len(), "{what}");
    for (place, (found, expect)) in found.iter().zip(expect).enumerate() {
        assert!((found - expect).abs() < TOLERANCE, "{what} at {place}: {found} for {expect}");
    }
}

#[test]
fn scores_are_those_of_the_formulas_and_of_the_cpu() {
    for config in configs() {
        let weights = random_weights(&config, 1);
        let lengths =
            [(1, 5), (1, 1), (31, 3), (64, 40), (65, 1), (64, 2), (70, 70), (5, 0), (300, 9)];
        let texts: Vec<(Inputs, Vec<u32>)> = lengths
            .iter()
            .map(|&(p, c)| (prompt(1, p, config.vocab_size), tokens(2, c, config.vocab_size)))
            .collect();
        let mut items: Vec<ScoreItem<'_>> =
            texts.iter().map(|(prompt, completion)| ScoreItem { prompt, completion }).collect();
        // Three completions of one prompt.
        items.extend([1, 3].map(|i| ScoreItem { prompt: &texts[6].0, completion: &texts[i].1 }));
        let mut cpu = engine(&config, 8, AMPLE);
        for batch_size in [1, 3, 16] {
            let mut device = device_engine(&config, batch_size, AMPLE);
            for temperature in [1.0, 0.6] {
                let found = score(&mut device, &items, temperature).unwrap();
                let expect = score(&mut cpu, &items, temperature).unwrap();
                for ((found, expect), item) in found.iter().zip(&expect).zip(&items) {
                    let text = [item.prompt.ids(), item.completion].concat();
                    let logits = forward(&config, &weights, &text);
                    let (logprobs, entropies) = (&found.logprobs, given(&found.entropies));
                    check_scores(&logits, item, temperature, logprobs, entropies);
                    check_close(logprobs, &expect.logprobs, "log-prob");
                    check_close(entropies, given(&expect.entropies), "entropy");
                    let sampled: Vec<_> = logprobs.iter().map(|&p| Some(p)).collect();
                    assert_eq!(found.sampled_logprobs, sampled);
                }
            }
        }
    }
}

/// Nothing random: the same tokens, since no two logits of these models are within rounding.
#[test]
fn greedy_completions_are_those_of_the_cpu() {
    for config in configs() {
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 1);
        let greedy = Sampling { temperature: 0.0, ..sampling(30) };
        let found = generate(&mut device_engine(&config, 4, AMPLE), &requests, &greedy).unwrap();
        let expect = generate(&mut engine(&config, 4, AMPLE), &requests, &greedy).unwrap();
        for (found, expect) in found.iter().flatten().zip(expect.iter().flatten()) {
            assert_eq!((&found.tokens, found.finish), (&expect.tokens, expect.finish));
            check_close(&found.logprobs, &expect.logprobs, "log-prob");
            check_close(given(&found.entropies), given(&expect.entropies), "entropy");
            assert!(found.sampled_logprobs.iter().all(|&p| p == 0.0));
        }
    }
}

/// The numbers that a completion's tokens are drawn with: of its sample index and, in a later turn, of
/// that.
pub(crate) fn numbers(sampling: &Sampling, stream: &str, which: &[u64], count: usize) -> Vec<f64> {
    let hash = blake3::hash(stream.as_bytes());
    let hash = u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap());
    let counters = [&[sampling.step, hash], which].concat();
    let mut random = bourn_seed::rng(sampling.seed, &sampling.purpose, &counters);
    (0..count).map(|_| (random.next_u64() >> 40) as f64 * 0.5_f64.powi(24)).collect()
}

/// The whole next distribution after some tokens, by scoring each continuation with the CPU's engine.
pub(crate) fn distribution(
    (cpu, vocab): (&mut Engine, usize),
    prompt: &Inputs,
    before: &[u32],
    sampling: &Sampling,
) -> Vec<f64> {
    let all: Vec<Vec<u32>> = (0..vocab as u32).map(|t| [before, &[t]].concat()).collect();
    let items: Vec<ScoreItem<'_>> =
        all.iter().map(|completion| ScoreItem { prompt, completion }).collect();
    let scored = cpu.score(&items, sampling, &mut go_on).unwrap();
    let last = |scored: &Scored| scored.sampled_logprobs[before.len()];
    scored.iter().map(|scored| last(scored).map_or(0.0, |p| f64::from(p).exp())).collect()
}

/// Each token is the one at which the cumulative probability, as the CPU computes it, exceeds the
/// number; both forwards and the sums leave it within 1e-4. So the same tokens come out but where a
/// number lies that close to a boundary, and there each engine is right by its own numbers.
#[test]
fn drawn_tokens_are_those_of_the_cpu() {
    let (mut completions, mut same) = (0, 0);
    for config in configs() {
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 4);
        let mut cpu = engine(&config, 64, AMPLE);
        let mut device = device_engine(&config, 16, AMPLE);
        let truncated = Sampling { temperature: 0.8, top_p: 0.9, top_k: 20, ..sampling(24) };
        for sampling in [sampling(24), truncated] {
            let found = generate(&mut device, &requests, &sampling).unwrap();
            let expect = generate(&mut cpu, &requests, &sampling).unwrap();
            for (request, (found, expect)) in requests.iter().zip(found.iter().zip(&expect)) {
                for (sample, (found, expect)) in found.iter().zip(expect).enumerate() {
                    completions += 1;
                    same += usize::from(found.tokens == expect.tokens);
                    let apart = found.tokens.iter().zip(&expect.tokens).position(|(a, b)| a != b);
                    let place = apart.unwrap_or(sample);
                    let before = &found.tokens[..place];
                    let p = distribution(
                        (&mut cpu, config.vocab_size),
                        request.prompt,
                        before,
                        &sampling,
                    );
                    let token = found.tokens[place] as usize;
                    let start: f64 = p[..token].iter().sum();
                    let number = numbers(&sampling, request.stream, &[sample as u64], 24)[place];
                    let range = start - 1e-4..start + p[token] + 1e-4;
                    assert!(range.contains(&number), "{number} {range:?}");
                }
            }
        }
    }
    // A number lies within 1e-4 of one of up to 300 boundaries now and then, but errors are mostly a
    // hundred times smaller.
    assert!(same * 100 >= completions * 95, "{same} of {completions}");
}

/// What was drawn has the log-probs that the CPU gives the same tokens, under the full distribution
/// and under the truncated one, and no token is outside the truncation.
#[test]
fn log_probs_are_those_of_the_cpu() {
    for config in configs() {
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 2);
        let (mut cpu, mut device) = (engine(&config, 64, AMPLE), device_engine(&config, 8, AMPLE));
        let base = sampling(20);
        for sampling in [
            base.clone(),
            Sampling { temperature: 0.8, top_p: 0.9, ..base.clone() },
            Sampling { top_k: 5, ..base.clone() },
            Sampling { min_p: 0.2, ..base.clone() },
            Sampling { temperature: 1.4, top_k: 40, top_p: 0.7, min_p: 0.05, ..base.clone() },
        ] {
            let drawn = generate(&mut device, &requests, &sampling).unwrap();
            let items = items(&requests, &drawn);
            let expect = cpu.score(&items, &sampling, &mut go_on).unwrap();
            let again = device.score(&items, &sampling, &mut go_on).unwrap();
            for ((drawn, expect), again) in drawn.iter().flatten().zip(&expect).zip(&again) {
                check_close(&drawn.logprobs, &expect.logprobs, "log-prob");
                check_close(given(&drawn.entropies), given(&expect.entropies), "entropy");
                let kept = |all: &[Option<f32>]| all.iter().copied().collect::<Option<Vec<f32>>>();
                let inside = kept(&expect.sampled_logprobs).expect("no token outside");
                check_close(&drawn.sampled_logprobs, &inside, "sampled log-prob");
                let inside = kept(&again.sampled_logprobs).expect("no token outside its own");
                check_close(&drawn.sampled_logprobs, &inside, "scored log-prob");
                check_close(&again.logprobs, &drawn.logprobs, "scored log-prob");
            }
        }
        // Of the full distribution's tokens, the same ones are outside a truncation.
        let drawn = generate(&mut device, &requests, &base).unwrap();
        let items = items(&requests, &drawn);
        let truncated = Sampling { top_p: 0.8, ..base.clone() };
        let expect = cpu.score(&items, &truncated, &mut go_on).unwrap();
        let found = device.score(&items, &truncated, &mut go_on).unwrap();
        let outside = |scored: &[Scored]| -> Vec<bool> {
            scored.iter().flat_map(|s| s.sampled_logprobs.iter().map(Option::is_none)).collect()
        };
        assert_eq!(outside(&found), outside(&expect));
        assert!(outside(&found).contains(&true) && outside(&found).contains(&false));
    }
}

/// Pearson's statistic of 4,000 first tokens, over those expected at least five times. It has mean df
/// and variance 2 df, and is nearly normal: five standard deviations are passed by chance once in
/// three million.
#[test]
fn frequencies_are_the_probabilities() {
    const DRAWS: u64 = 4000;
    let config = &configs()[0];
    let prompt = prompt(1, 12, config.vocab_size);
    let (mut cpu, mut device) = (engine(config, 64, AMPLE), device_engine(config, 512, AMPLE));
    for sampling in [sampling(1), Sampling { temperature: 1.5, top_p: 0.9, ..sampling(1) }] {
        let request = Request { prompt: &prompt, stream: "a", first: 0, count: DRAWS };
        let drawn = generate(&mut device, &[request], &sampling).unwrap().remove(0);
        let p = distribution((&mut cpu, config.vocab_size), &prompt, &[], &sampling);
        let mut counts = vec![0.0; p.len()];
        drawn.iter().for_each(|c| counts[c.tokens[0] as usize] += 1.0);
        let (mut statistic, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
        for (&count, &p) in counts.iter().zip(&p) {
            let expected = p * DRAWS as f64;
            assert!(p > 0.0 || count == 0.0, "a truncated token was drawn");
            if expected >= 5.0 {
                statistic += (count - expected) * (count - expected) / expected;
                cells += 1.0;
            } else {
                rest = (rest.0 + count, rest.1 + expected);
            }
        }
        if rest.1 > 0.0 {
            statistic += (rest.0 - rest.1) * (rest.0 - rest.1) / rest.1;
            cells += 1.0;
        }
        let df: f64 = cells - 1.0;
        assert!(df > 5.0 && statistic < df + 5.0 * (2.0 * df).sqrt(), "{statistic} for {df}");
    }
}

/// Tokens to the bit; numbers up to rounding, since the shape of the batch decides in which order a
/// device adds up.
#[track_caller]
fn check_same(found: &[Vec<Completion>], expect: &[Vec<Completion>], what: &str) {
    assert_eq!(found.len(), expect.len());
    for (found, expect) in found.iter().flatten().zip(expect.iter().flatten()) {
        assert_eq!((&found.tokens, found.finish), (&expect.tokens, expect.finish), "{what}");
        check_close(&found.logprobs, &expect.logprobs, what);
        check_close(&found.sampled_logprobs, &expect.sampled_logprobs, what);
        check_close(given(&found.entropies), given(&expect.entropies), what);
    }
}

/// More completions than rows, rows of other numbers and orders, and a cache just large enough.
#[test]
fn completions_do_not_depend_on_their_batch() {
    for config in configs() {
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 3);
        let mut sampling = sampling(30);
        sampling.stop_tokens.extend((0..300).step_by(17));
        let mut wide = device_engine(&config, 64, AMPLE);
        let expect = generate(&mut wide, &requests, &sampling).unwrap();
        let lengths: Vec<usize> = expect.iter().flatten().map(|c| c.tokens.len()).collect();
        assert!(lengths.iter().any(|&n| n < 30) && lengths.contains(&30), "{lengths:?}");
        check_same(&generate(&mut wide, &requests, &sampling).unwrap(), &expect, "again");
        for batch_size in [1, 3, 7] {
            let mut narrow = device_engine(&config, batch_size, AMPLE);
            let found = generate(&mut narrow, &requests, &sampling).unwrap();
            check_same(&found, &expect, &format!("batch size {batch_size}"));
        }
        // 768 positions for the prompt of 600 and 768 for one row that goes on from it.
        let position = 2 * config.num_layers * config.num_kv_heads * config.head_dim * 4;
        let mut tight = device_engine(&config, 64, 2 * 768 * position);
        check_same(&generate(&mut tight, &requests, &sampling).unwrap(), &expect, "tight");
        let mut reversed: Vec<Request<'_>> = requests.clone();
        reversed.reverse();
        let mut found = generate(&mut wide, &reversed, &sampling).unwrap();
        found.reverse();
        check_same(&found, &expect, "the other order");
    }
}

/// Work that depends on what has come out; rows that are given up free their slots.
#[test]
fn streamed_completions_are_those_of_requests() {
    let config = &configs()[1];
    let prompts: Vec<Inputs> =
        [5, 31, 5, 64, 33].iter().map(|&n| prompt(9, n, config.vocab_size)).collect();
    let requests = requests(&prompts, 9);
    let asked: Vec<Prompt<'_>> =
        (requests.iter()).map(|r| Prompt { prompt: r.prompt, stream: r.stream }).collect();
    let mut sampling = sampling(36);
    sampling.stop_tokens.extend((0..300).step_by(17));
    let mut wide = device_engine(config, 64, AMPLE);
    let expect = generate(&mut wide, &requests, &sampling).unwrap();
    let position = 2 * config.num_layers * config.num_kv_heads * config.head_dim * 4;
    for (batch, cache) in [(64, AMPLE), (3, AMPLE), (64, 400 * position)] {
        for given_up in [false, true] {
            let mut engine = device_engine(config, batch, cache);
            let mut work = Until::new(5, 9, 4, given_up);
            engine.draw(&asked, &sampling, &mut work, &mut go_on).unwrap();
            let mut counts = [0; 5];
            for (prompt, sample, completion) in &work.found {
                let expect = &expect[*prompt][*sample as usize];
                check_same(&[vec![completion.clone()]], &[vec![expect.clone()]], "streamed");
                counts[*prompt] += 1;
            }
            for (ended, count) in work.ended.iter().zip(counts) {
                assert!(*ended || count == 9);
            }
            check_same(&generate(&mut engine, &requests, &sampling).unwrap(), &expect, "after");
        }
    }
}

#[test]
fn completions_end_where_they_should() {
    let config = &configs()[0];
    let mut engine = device_engine(config, 4, AMPLE);
    let prompt = prompt(1, 9, config.vocab_size);
    let request = Request { prompt: &prompt, stream: "a", first: 0, count: 20 };
    let free = generate(&mut engine, &[request], &sampling(12)).unwrap();
    let mut stopping = sampling(12);
    stopping.stop_tokens.extend(0..10);
    let stopped = generate(&mut engine, &[request], &stopping).unwrap();
    for (free, stopped) in free[0].iter().zip(&stopped[0]) {
        assert_eq!((free.tokens.len(), free.finish), (12, Finish::Length));
        let end = free.tokens.iter().position(|t| stopping.stop_tokens.contains(t));
        let (length, finish) = end.map_or((12, Finish::Length), |i| (i + 1, Finish::Stop));
        assert_eq!((&stopped.tokens[..], stopped.finish), (&free.tokens[..length], finish));
        let entropies = stopped.entropies.as_ref().unwrap();
        for list in [&stopped.logprobs, &stopped.sampled_logprobs, entropies] {
            assert_eq!(list.len(), length);
        }
        // Nothing is truncated: both log-probs are of one distribution.
        assert_eq!(free.logprobs, free.sampled_logprobs);
    }
    assert!(stopped[0].iter().any(|c| c.finish == Finish::Stop && c.tokens.len() > 1));
}

/// They are looked for on the host, in what was read.
#[test]
fn stop_strings_end_completions() {
    let config = &configs()[0];
    let mut engine = device_engine(config, 4, AMPLE);
    let prompt = prompt(1, 9, config.vocab_size);
    let request = Request { prompt: &prompt, stream: "a", first: 0, count: 20 };
    let free = generate(&mut engine, &[request], &sampling(12)).unwrap();
    // No piece of five letters has it: two of them do together.
    let tokenizer = tokenizer(config.vocab_size);
    let ends = |tokens: &[u32]| tokenizer.decode(tokens, true).unwrap().contains("dcad");
    let ruled = stopping_at("dcad", config.vocab_size, sampling(12));
    let stopped = generate(&mut engine, &[request], &ruled).unwrap();
    let mut early = 0;
    for (free, stopped) in free[0].iter().zip(&stopped[0]) {
        let end = (1..=12).find(|&length| ends(&free.tokens[..length]));
        let (length, finish) = end.map_or((12, Finish::Length), |end| (end, Finish::Stop));
        assert_eq!((&stopped.tokens[..], stopped.finish), (&free.tokens[..length], finish));
        early += usize::from(length < 12);
    }
    assert!((1..20).contains(&early), "{early}");
}
