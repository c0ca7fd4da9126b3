//! What the engine does with requests, and with bad ones.

use std::ops::ControlFlow;
use std::sync::Arc;

use bourn_episode::{Features, Insert};
use bourn_rollout::{
    Capabilities, Engine, EngineOptions, Finish, HoldWeights, Inputs, Progress, Request,
    RolloutError, Rollouts, Sampling, ScoreItem, Scored, Storage, cache_bytes,
};

use crate::common::*;

fn one(prompt: &Inputs) -> Request<'_> {
    Request { prompt, stream: "sum-7", first: 0, count: 2 }
}

#[test]
fn completions_end_where_they_should() {
    let config = &configs()[0];
    let mut engine = engine(config, 4, AMPLE);
    let prompt = prompt(1, 9, config.vocab_size);
    let request = Request { count: 20, ..one(&prompt) };
    let free = generate(&mut engine, &[request], &sampling(12)).unwrap();
    let mut stopping = sampling(12);
    stopping.stop_tokens.extend(0..10);
    let stopped = generate(&mut engine, &[request], &stopping).unwrap();
    for (free, stopped) in free[0].iter().zip(&stopped[0]) {
        assert_eq!((free.tokens.len(), free.finish), (12, Finish::Length));
        // The same draws, cut after the first stop token.
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

/// They are looked for in the completion alone, and what they end is the same draws, cut.
#[test]
fn stop_strings_end_completions() {
    let config = &configs()[0];
    let mut engine = engine(config, 4, AMPLE);
    let prompt = prompt(1, 9, config.vocab_size);
    let request = Request { count: 20, ..one(&prompt) };
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
        assert_eq!(stopped.logprobs, free.logprobs[..length]);
        early += usize::from(length < 12);
    }
    assert!((1..20).contains(&early), "{early}");
}

#[test]
fn nothing_asked_is_nothing_done() {
    let config = &configs()[0];
    let mut engine = engine(config, 4, AMPLE);
    assert_eq!(generate(&mut engine, &[], &sampling(4)), Ok(vec![]));
    let prompt = ids(&[1]);
    let none = Request { count: 0, ..one(&prompt) };
    assert_eq!(generate(&mut engine, &[none], &sampling(4)), Ok(vec![vec![]]));
    let both = generate(&mut engine, &[none, one(&prompt), none], &sampling(1)).unwrap();
    assert_eq!(both.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2, 0]);
    assert_eq!(score(&mut engine, &[], 1.0), Ok(vec![]));
    let empty = [ScoreItem { prompt: &prompt, completion: &[] }];
    let nothing = Scored { entropies: Some(vec![]), ..Scored::default() };
    assert_eq!(score(&mut engine, &empty, 1.0), Ok(vec![nothing]));
}

#[test]
fn progress_counts_and_interrupts() {
    let config = &configs()[2];
    let mut engine = engine(config, 3, AMPLE);
    let prompt = prompt(1, 40, config.vocab_size);
    let request = Request { count: 7, ..one(&prompt) };
    let mut seen = Vec::new();
    let expect = bourn_rollout::generate(&mut engine, &[request], &sampling(5), &mut |p| {
        seen.push(p);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen.last(), Some(&Progress { completions_done: 7, tokens_done: 35 }));
    assert!(seen.is_sorted_by_key(|p| (p.tokens_done, p.completions_done)));

    for stop_at in 0..seen.len() {
        let mut calls = 0;
        let result = bourn_rollout::generate(&mut engine, &[request], &sampling(5), &mut |_| {
            calls += 1;
            if calls > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(result, Err(RolloutError::Interrupted));
        assert_eq!(calls, stop_at + 1);
    }
    assert_eq!(generate(&mut engine, &[request], &sampling(5)).unwrap(), expect);

    let items: Vec<ScoreItem<'_>> =
        expect[0].iter().map(|c| ScoreItem { prompt: &prompt, completion: &c.tokens }).collect();
    let mut last = None;
    engine
        .score(&items, &Sampling::whole(1.0).unwrap(), &mut |p| {
            last = Some(p);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(last, Some(Progress { completions_done: 7, tokens_done: 35 }));
    let result =
        engine.score(&items, &Sampling::whole(1.0).unwrap(), &mut |_| ControlFlow::Break(()));
    assert_eq!(result, Err(RolloutError::Interrupted));
}

#[test]
fn updates_replace_the_weights() {
    for config in configs() {
        let options = EngineOptions { batch_size: 4, cache_bytes: AMPLE, storage: Storage::F32 };
        let (old, new) = (random_weights(&config, 1), random_weights(&config, 2));
        let prompt = prompt(1, 12, config.vocab_size);
        let draw = |engine: &mut Engine| generate(engine, &[one(&prompt)], &sampling(6)).unwrap();
        let mut engine = Engine::new(&config, &old, &options).unwrap();
        let before = draw(&mut engine);
        engine.load(&new).unwrap();
        let after = draw(&mut engine);
        assert_ne!(before, after);
        assert_eq!(after, draw(&mut Engine::new(&config, &new, &options).unwrap()));

        // Weights that do not fit leave the engine as it was.
        let mut torn = old.clone();
        torn.remove("model.norm.weight");
        assert!(engine.load(&torn).is_err());
        assert_eq!(draw(&mut engine), after);
        engine.load(&old).unwrap();
        assert_eq!(draw(&mut engine), before);
    }
}

#[track_caller]
fn check<T: std::fmt::Debug>(result: Result<T, RolloutError>, expect: &str) {
    assert_eq!(result.unwrap_err().to_string(), expect);
}

#[test]
fn bad_weights_are_named() {
    let config = &configs()[1];
    let options = EngineOptions { batch_size: 4, cache_bytes: AMPLE, storage: Storage::F32 };
    let new = |weights: &bourn_model::Weights| Engine::new(config, weights, &options).map(|_| ());
    let mut weights = random_weights(config, 1);
    let name = "model.layers.1.self_attn.k_proj.weight";
    weights.get_mut(name).unwrap().shape = vec![24, 12];
    check(
        new(&weights),
        "the weights do not fit the engine: tensor `model.layers.1.self_attn.k_proj.weight` has shape \
         [24, 12] and the configuration asks for [12, 24]",
    );
    weights.remove(name);
    check(
        new(&weights),
        "the weights do not fit the engine: tensor `model.layers.1.self_attn.k_proj.weight` is missing; \
         the configuration does not match the weights",
    );
    let options = EngineOptions { batch_size: 0, cache_bytes: AMPLE, storage: Storage::F32 };
    let result = Engine::new(config, &random_weights(config, 1), &options).map(|_| ());
    check(result, "batch_size = 0 is out of range; it must be at least 1");
}

#[test]
fn bad_requests_are_named() {
    let config = &configs()[0];
    let mut e = engine(config, 4, AMPLE);
    let good = ids(&[1, 2, 3]);
    check(
        generate(&mut e, &[one(&good), one(&ids(&[]))], &sampling(4)),
        "problem `sum-7`: the prompt is empty; start it with at least one token",
    );
    check(
        generate(&mut e, &[one(&ids(&[1, 61]))], &sampling(4)),
        "problem `sum-7`: token id 61 is not below the vocabulary size 61; the tokenizer belongs to \
         another model",
    );
    check(
        generate(&mut e, &[one(&good)], &sampling(2046)),
        "problem `sum-7`: a prompt of 3 tokens and a completion of up to 2046 exceed the model's \
         2048 positions; shorten one of them",
    );
    check(
        generate(&mut e, &[one(&good)], &sampling(0)),
        "max_tokens = 0 is out of range; it must be at least 1",
    );
    check(
        generate(&mut e, &[one(&good)], &Sampling { top_p: 0.0, ..sampling(4) }),
        "top_p = 0 is out of range; it must be above 0 and at most 1",
    );
    check(
        generate(&mut e, &[Request { first: u64::MAX, ..one(&good) }], &sampling(4)),
        "problem `sum-7`: 2 samples from index 18446744073709551615 run past the last index",
    );
    assert!(generate(&mut e, &[one(&good)], &sampling(usize::MAX)).is_err());

    let item = ScoreItem { prompt: &good, completion: &[4] };
    let bad = ScoreItem { prompt: &good, completion: &[4, 99] };
    check(
        score(&mut e, &[item, bad], 1.0),
        "scored item 1: token id 99 is not below the vocabulary size 61; the tokenizer belongs to \
         another model",
    );
    check(
        score(&mut e, &[ScoreItem { prompt: &ids(&[]), completion: &[4] }], 1.0),
        "scored item 0: the prompt is empty; start it with at least one token",
    );
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(score(&mut e, &[item], temperature).is_err());
    }

    // 2 layers of 3 heads of (8 · 32 + 32 · 32) values, 4 bytes each: 30,720 a block.
    let mut small = engine(config, 4, 30_720);
    check(
        generate(&mut small, &[one(&good)], &sampling(40)),
        "problem `sum-7`: a prompt of 3 tokens and a completion of up to 40 need a KV cache of 92160 \
         bytes and the budget is 30720; raise it or shorten the completion",
    );
    assert!(generate(&mut small, &[one(&good)], &sampling(1)).is_ok());
}

/// The model reads tokens alone, on whatever device.
#[test]
fn inputs_with_inserts_are_refused_by_name() {
    let config = &configs()[0];
    let features = Arc::new(Features::new(24, vec![0.5; 48]).unwrap());
    let pictured = Inputs::new(vec![1, 2, 3, 4], vec![Insert::new(1, features)]).unwrap();
    for mut engine in [engine(config, 4, AMPLE), device_engine(config, 4, AMPLE)] {
        assert!(!engine.capabilities().inserts);
        check(
            generate(&mut engine, &[one(&pictured)], &sampling(4)),
            "problem `sum-7`: the prompt has features in place of tokens (inserts: 1), and this engine \
             reads tokens alone; leave them out",
        );
        check(
            score(&mut engine, &[ScoreItem { prompt: &pictured, completion: &[5] }], 1.0),
            "scored item 0: the prompt has features in place of tokens (inserts: 1), and this engine \
             reads tokens alone; leave them out",
        );
    }
}

/// Training's log-probs are those of unrounded weights on the CPU.
#[test]
fn engines_say_what_they_can_do() {
    let config = &configs()[0];
    let weights = random_weights(config, 1);
    let all = |engine: &dyn Rollouts| {
        let Capabilities { exact, entropies, scores, inserts, continues } = engine.capabilities();
        [exact, entropies, scores, inserts, continues]
    };
    assert_eq!(all(&engine(config, 4, AMPLE)), [true, true, true, false, true]);
    assert_eq!(all(&rounded_engine(config, &weights)), [false, true, true, false, true]);
    assert_eq!(all(&device_engine(config, 4, AMPLE)), [false, true, true, false, true]);
}

#[test]
fn a_cache_for_one_row_holds_any_completion_of_its_length() {
    for config in &configs() {
        // One block or two, with prompts that end in a block's first, middle and last position.
        for (prompt_length, completion) in [(1, 1), (5, 8), (1, 31), (31, 2), (33, 7), (32, 32)] {
            let bytes = cache_bytes(config, 1, prompt_length + completion);
            let mut engine = engine(config, 1, bytes as usize);
            let prompt = prompt(1, prompt_length, config.vocab_size);
            let drawn = generate(&mut engine, &[one(&prompt)], &sampling(completion));
            assert!(drawn.is_ok(), "{prompt_length} + {completion}: {drawn:?}");
        }
    }
}

#[test]
fn what_diverged_is_named() {
    what_diverged(Storage::F32, f32::INFINITY);
    // Rounded, the largest number is infinite.
    what_diverged(Storage::Bf16, f32::MAX);
}

fn what_diverged(storage: Storage, infinite: f32) {
    let config = &configs()[0];
    let options = EngineOptions { batch_size: 4, cache_bytes: AMPLE, storage };
    let mut weights = random_weights(config, 1);
    // Token 5 has a broken embedding, which is also a broken logit of every position.
    weights.get_mut("model.embed_tokens.weight").unwrap().data[5 * 24] = f32::NAN;
    let mut engine = Engine::new(config, &weights, &options).unwrap();
    let expect = |subject: &str, position: usize| {
        format!(
            "{subject}: the logits after position {position} are not finite; the weights have \
             diverged or the file is damaged"
        )
    };
    check(
        generate(&mut engine, &[one(&ids(&[1, 2, 3]))], &sampling(4)),
        &expect("problem `sum-7`", 2),
    );
    let prompt = ids(&[1, 2]);
    let item = ScoreItem { prompt: &prompt, completion: &[3, 4] };
    check(score(&mut engine, &[item], 1.0), &expect("scored item 0", 1));

    // Untied, the broken embedding shows only once the token has been read.
    let config = &configs()[1];
    let mut weights = random_weights(config, 1);
    weights.get_mut("model.embed_tokens.weight").unwrap().data[5 * 24] = infinite;
    let mut engine = Engine::new(config, &weights, &options).unwrap();
    let item = |completion| ScoreItem { prompt: &prompt, completion };
    assert!(score(&mut engine, &[item(&[3, 4, 5])], 1.0).is_ok());
    let items = [item(&[3, 4][..]), item(&[3, 5, 4])];
    check(score(&mut engine, &items, 1.0), &expect("scored item 1", 3));
}

/// An engine that gave its memory up draws nothing until it has weights again, and then the same;
/// whether weights are copied or consumed makes no difference.
#[test]
fn released_weights_come_back_the_same() {
    for config in &configs() {
        let tokens = prompt(2, 20, config.vocab_size);
        let request = Request { count: 4, ..one(&tokens) };
        let options = EngineOptions { batch_size: 4, cache_bytes: AMPLE, storage: Storage::F32 };
        let weights = random_weights(config, 1);
        let mut e = Engine::new(config, &weights, &options).unwrap();
        let draw = |e: &mut Engine| generate(e, &[request], &sampling(6));
        let first = draw(&mut e).unwrap();
        e.release();
        assert_eq!(draw(&mut e).unwrap_err(), RolloutError::Released);
        e.load(&weights).unwrap();
        assert_eq!(draw(&mut e).unwrap(), first);
        e.release();
        e.refill(weights.clone()).unwrap();
        assert_eq!(draw(&mut e).unwrap(), first);
        let mut e = Engine::consuming(config, weights, &options).unwrap();
        assert_eq!(draw(&mut e).unwrap(), first);
    }
}
