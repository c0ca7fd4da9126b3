//! A completion does not depend on what it shared a batch with.

use bourn_rollout::{HoldWeights, Inputs, Request, Rollouts, Sampling, ScoreItem};

use crate::common::*;

/// Prompts around the edges of cache blocks, two of them equal, one longer than a forward pass.
fn prompts(vocab: usize) -> Vec<Inputs> {
    let mut all: Vec<Inputs> =
        [5, 31, 32, 33, 5, 100, 600].iter().map(|&n| prompt(9, n, vocab)).collect();
    all[4] = all[0].clone();
    all
}

fn requests(prompts: &[Inputs], count: u64) -> Vec<Request<'_>> {
    const STREAMS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
    let one = |(prompt, stream)| Request { prompt, stream, first: 0, count };
    prompts.iter().zip(STREAMS).map(one).collect()
}

/// The samplings: the full distribution, with stop tokens that end some early; a truncated one; and
/// one that a text ends.
fn samplings(vocab: usize) -> [Sampling; 3] {
    let mut truncated = Sampling { temperature: 0.8, top_p: 0.9, top_k: 20, ..sampling(36) };
    truncated.stop_tokens.extend((0..300).step_by(17));
    let mut full = sampling(36);
    full.stop_tokens.extend((0..300).step_by(17));
    [full, truncated, stopping_at("abca", vocab, sampling(36))]
}

#[test]
fn completions_do_not_depend_on_their_batch() {
    for config in configs() {
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 4);
        for sampling in samplings(config.vocab_size) {
            let mut wide = engine(&config, 64, AMPLE);
            let expect = by_index(&requests, &generate(&mut wide, &requests, &sampling).unwrap());
            let lengths: Vec<usize> = expect.values().map(|(tokens, _, _)| tokens.len()).collect();
            assert!(lengths.iter().any(|&n| n < 36) && lengths.contains(&36), "{lengths:?}");

            let again = generate(&mut wide, &requests, &sampling).unwrap();
            assert_eq!(by_index(&requests, &again), expect, "a second call");
            for batch_size in [1, 3, 7] {
                let mut narrow = engine(&config, batch_size, AMPLE);
                let found = generate(&mut narrow, &requests, &sampling).unwrap();
                assert_eq!(by_index(&requests, &found), expect, "batch size {batch_size}");
            }

            let reversed: Vec<Request<'_>> = requests.iter().rev().copied().collect();
            let found = generate(&mut wide, &reversed, &sampling).unwrap();
            assert_eq!(by_index(&reversed, &found), expect, "the other order");

            // Halves of a group apart, in one call and in several.
            let half = |first| move |r: &Request<'static>| Request { first, count: 2, ..*r };
            let requests: Vec<Request<'static>> = requests
                .iter()
                .map(|r| Request {
                    prompt: Box::leak(Box::new(r.prompt.clone())),
                    stream: r.stream.to_owned().leak(),
                    ..*r
                })
                .collect();
            let halves: Vec<Request<'_>> =
                requests.iter().map(half(2)).chain(requests.iter().map(half(0))).collect();
            let found = generate(&mut wide, &halves, &sampling).unwrap();
            assert_eq!(by_index(&halves, &found), expect, "halves");
            for request in &requests {
                let alone =
                    by_index(&[*request], &generate(&mut wide, &[*request], &sampling).unwrap());
                assert!(alone.iter().all(|(key, value)| expect[key] == *value), "alone");
            }
        }
    }
}

#[test]
fn completions_do_not_depend_on_threads_or_cache() {
    let config = &configs()[1];
    let prompts = prompts(config.vocab_size);
    let requests = requests(&prompts, 5);
    let sampling = &samplings(config.vocab_size)[0];
    let mut wide = engine(config, 64, AMPLE);
    let expect = by_index(&requests, &generate(&mut wide, &requests, sampling).unwrap());
    for threads in 1..=4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| generate(&mut wide, &requests, sampling).unwrap());
        assert_eq!(by_index(&requests, &found), expect, "{threads} threads");
    }
    // Just enough for the longest alone: rows wait for one another.
    let block = 2 * 2 * (6 * 32 + 32 * 32) * size_of::<f32>();
    let blocks = (600_usize).div_ceil(32) + (600_usize + 35).div_ceil(32) - 600 / 32;
    let mut tight = engine(config, 64, blocks * block);
    let found = generate(&mut tight, &requests, sampling).unwrap();
    assert_eq!(by_index(&requests, &found), expect, "a tight cache");
    let short = generate(&mut engine(config, 64, blocks * block - 1), &requests, sampling);
    assert!(short.unwrap_err().to_string().contains("problem `g`"));
}

/// Teacher forcing gives the log-probs and entropies of generation, bit for bit.
#[test]
fn scores_are_those_of_generation() {
    for config in configs() {
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 3);
        for sampling in samplings(config.vocab_size) {
            let mut wide = engine(&config, 64, AMPLE);
            let drawn = generate(&mut wide, &requests, &sampling).unwrap();
            let pairs = requests.iter().zip(&drawn);
            let items: Vec<ScoreItem<'_>> = pairs
                .flat_map(|(r, all)| {
                    all.iter().map(|c| ScoreItem { prompt: r.prompt, completion: &c.tokens })
                })
                .collect();
            let block = config.num_layers
                * config.num_kv_heads
                * (config.head_dim * 32 + config.head_dim.div_ceil(32) * 32 * 32);
            let mut tight = engine(&config, 1, 30 * block * size_of::<f32>());
            for engine in [&mut wide, &mut tight] {
                let scored = score(engine, &items, sampling.temperature).unwrap();
                for (completion, scored) in drawn.iter().flatten().zip(&scored) {
                    assert_eq!(completion.logprobs, scored.logprobs);
                    assert_eq!(completion.entropies, scored.entropies);
                }
                let sampled = engine.score(&items, &sampling, &mut go_on).unwrap();
                for (completion, scored) in drawn.iter().flatten().zip(&sampled) {
                    let all: Vec<_> =
                        completion.sampled_logprobs.iter().map(|&p| Some(p)).collect();
                    assert_eq!(
                        (&all, &completion.logprobs),
                        (&scored.sampled_logprobs, &scored.logprobs)
                    );
                }
                let alone = score(engine, &items[4..5], sampling.temperature).unwrap();
                assert_eq!(alone[0], scored[4]);
            }
        }
    }
}

/// An engine that rounds matrices is one in f32 that is given rounded matrices: norms and biases stay
/// as they are, products and sums are the same, embeddings are looked up rounded.
#[test]
fn rounded_storage_is_that_of_rounded_weights() {
    for config in configs() {
        let weights = random_weights(&config, 1);
        let mut rounded = weights.clone();
        for tensor in rounded.values_mut().filter(|tensor| tensor.shape.len() == 2) {
            tensor.data.iter_mut().for_each(|value| *value = bourn_kernel::reference::bf16(*value));
        }
        assert_ne!(rounded, weights);
        let prompts = prompts(config.vocab_size);
        let requests = requests(&prompts, 3);
        let sampling = &samplings(config.vocab_size)[0];
        let mut exact = engine(&config, 64, AMPLE);
        let others = by_index(&requests, &generate(&mut exact, &requests, sampling).unwrap());
        exact.load(&rounded).unwrap();
        let expect = generate(&mut exact, &requests, sampling).unwrap();
        let mut stored = rounded_engine(&config, &weights);
        let found = generate(&mut stored, &requests, sampling).unwrap();
        assert_eq!(by_index(&requests, &found), by_index(&requests, &expect));
        assert_ne!(by_index(&requests, &found), others);
        let items: Vec<ScoreItem<'_>> = requests
            .iter()
            .zip(&found)
            .map(|(r, all)| ScoreItem { prompt: r.prompt, completion: &all[0].tokens })
            .collect();
        let scores = score(&mut stored, &items, 0.7).unwrap();
        assert_eq!(scores, score(&mut exact, &items, 0.7).unwrap());
        // New weights are rounded too.
        let next = random_weights(&config, 2);
        stored.load(&next).unwrap();
        let expect = score(&mut rounded_engine(&config, &next), &items, 0.7).unwrap();
        assert_eq!(score(&mut stored, &items, 0.7).unwrap(), expect);
        // And after the memory of the old has been given up.
        stored.release();
        stored.refill(weights).unwrap();
        assert_eq!(score(&mut stored, &items, 0.7).unwrap(), scores);
        stored.release();
        stored.load(&next).unwrap();
        assert_eq!(score(&mut stored, &items, 0.7).unwrap(), expect);
    }
}

/// A completion of the full distribution has tokens that a truncated sampler leaves out: found
/// where they are, by the probabilities themselves.
#[test]
fn tokens_outside_the_truncation_are_found() {
    let config = &configs()[0];
    let prompt = prompt(9, 5, config.vocab_size);
    let mut engine = engine(config, 8, AMPLE);
    let request = Request { prompt: &prompt, stream: "a", first: 0, count: 6 };
    let drawn = generate(&mut engine, &[request], &sampling(24)).unwrap().remove(0);
    let truncated = Sampling { top_p: 0.8, ..sampling(24) };
    let items: Vec<ScoreItem<'_>> =
        drawn.iter().map(|c| ScoreItem { prompt: &prompt, completion: &c.tokens }).collect();
    let scored = engine.score(&items, &truncated, &mut go_on).unwrap();
    let (mut inside, mut outside) = (0, 0);
    for (completion, scored) in drawn.iter().zip(&scored) {
        for place in 0..completion.tokens.len() {
            // Every continuation by one token, each scored alone: the whole next distribution.
            let next: Vec<Vec<u32>> = (0..config.vocab_size as u32)
                .map(|token| [&completion.tokens[..place], &[token]].concat())
                .collect();
            if place > 2 {
                break;
            }
            let items: Vec<ScoreItem<'_>> =
                next.iter().map(|c| ScoreItem { prompt: &prompt, completion: c }).collect();
            let all = score(&mut engine, &items, 1.0).unwrap();
            let p: Vec<f64> = all.iter().map(|s| f64::from(s.logprobs[place]).exp()).collect();
            let own = p[completion.tokens[place] as usize];
            let likelier: f64 = p.iter().filter(|&&other| other > own).sum();
            match scored.sampled_logprobs[place] {
                // Within top-p is what has less than top_p before it; f32 rounding leaves 1e-6.
                Some(sampled) => {
                    assert!(likelier < 0.8 + 1e-6, "{likelier}");
                    assert!(f64::from(sampled) >= own.ln() && sampled <= 0.0);
                    inside += 1;
                }
                None => {
                    assert!(likelier > 0.8 - 1e-6, "{likelier}");
                    outside += 1;
                }
            }
        }
    }
    assert!(inside > 0 && outside > 0, "{inside} {outside}");
}

#[test]
fn every_part_of_the_seed_matters() {
    let config = &configs()[0];
    let prompt = prompt(1, 8, config.vocab_size);
    let mut engine = engine(config, 8, AMPLE);
    let mut draw = |sampling: &Sampling, stream: &str, first: u64| {
        let request = Request { prompt: &prompt, stream, first, count: 1 };
        generate(&mut engine, &[request], sampling).unwrap()[0][0].tokens.clone()
    };
    let base = sampling(24);
    let expect = draw(&base, "p", 0);
    assert_eq!(draw(&base, "p", 0), expect);
    assert_ne!(draw(&base, "q", 0), expect);
    assert_ne!(draw(&base, "p", 1), expect);
    assert_ne!(draw(&Sampling { seed: 8, ..base.clone() }, "p", 0), expect);
    assert_ne!(draw(&Sampling { step: 4, ..base.clone() }, "p", 0), expect);
    assert_ne!(draw(&Sampling { purpose: "other".to_owned(), ..base.clone() }, "p", 0), expect);
    // The t-th token is drawn with the t-th number: a shorter completion is a prefix.
    assert_eq!(draw(&sampling(10), "p", 0), expect[..10]);
}
