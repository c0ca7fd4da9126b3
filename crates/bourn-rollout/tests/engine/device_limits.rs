//! What the engine on Burn's operations asks of its device, and what it does with bad requests.

use std::ops::ControlFlow;

use bourn_model::ModelConfig;
use bourn_model::transformer::Transformer;
use bourn_rollout::{
    Completion, Counts, Engine, EngineOptions, HoldWeights, Inputs, Progress, Request,
    RolloutError, Rollouts, Sampling, ScoreItem, Storage, device_cache_bytes,
};
use burn::tensor::Device;

use crate::common::*;

fn one(prompt: &Inputs) -> Request<'_> {
    Request { prompt, stream: "sum-7", first: 0, count: 2 }
}

/// What one call cost.
fn counts(engine: &mut Engine, call: impl FnOnce(&mut Engine)) -> Counts {
    let before = engine.counts().unwrap();
    call(engine);
    let after = engine.counts().unwrap();
    Counts {
        reads: after.reads - before.reads,
        writes: after.writes - before.writes,
        passes: after.passes - before.passes,
        rows: after.rows - before.rows,
        operations: after.operations - before.operations,
        tokens: after.tokens - before.tokens,
        given: after.given - before.given,
    }
}

#[test]
fn a_token_of_the_whole_batch_is_one_write_one_pass_and_one_read() {
    let truncated = |max| Sampling { top_p: 0.9, top_k: 9, min_p: 0.01, ..sampling(max) };
    let greedy = |max| Sampling { temperature: 0.0, ..sampling(max) };
    type Make = fn(usize) -> Sampling;
    for make in [sampling as Make, truncated as Make, greedy as Make] {
        let mut steps = Vec::new();
        for rows in [1, 2, 5, 33] {
            let config = &configs()[3];
            let mut engine = device_engine(config, rows, AMPLE);
            let prompt = prompt(1, 20, config.vocab_size);
            let request = Request { count: rows as u64, ..one(&prompt) };
            let mut draw = |tokens: usize| {
                counts(&mut engine, |engine| {
                    generate(engine, &[request], &make(tokens)).unwrap();
                })
            };
            let (short, long) = (draw(4), draw(24));
            // One prefill of a prompt, then a pass a token.
            assert_eq!((short.passes, long.passes), (5, 25), "{rows} rows");
            assert_eq!((short.reads, long.reads), (4, 24), "{rows} rows");
            assert_eq!((short.writes, long.writes), (5, 25), "{rows} rows");
            assert_eq!(long.tokens, 24 * rows as u64);
            // The prompt's cache has 64 positions.
            assert_eq!((short.rows, long.rows), (64 + 4 * rows as u64, 64 + 24 * rows as u64));
            steps.push((long.operations - short.operations) / 20);
        }
        assert!(steps.iter().all(|&operations| operations == steps[0]), "{steps:?}");
    }
}

/// Layers take operations and nothing else.
#[test]
fn reads_do_not_depend_on_layers() {
    let cost = |num_layers: usize| {
        let config = ModelConfig { num_layers, ..configs()[2].clone() };
        let mut engine = device_engine(&config, 8, AMPLE);
        let prompt = prompt(1, 20, config.vocab_size);
        let request = Request { count: 8, ..one(&prompt) };
        counts(&mut engine, |engine| {
            generate(engine, &[request], &sampling(6)).unwrap();
        })
    };
    let (few, many) = (cost(1), cost(5));
    assert_eq!((few.reads, few.writes, few.passes), (many.reads, many.writes, many.passes));
    assert!(many.operations > 3 * few.operations, "{few:?} {many:?}");
}

/// A chunk of all rows is one pass and one read, whatever it holds.
#[test]
fn scoring_reads_once_a_pass() {
    let config = &configs()[0];
    let mut engine = device_engine(config, 8, AMPLE);
    let text = tokens(3, 600, config.vocab_size);
    let start = ids(&text[..20]);
    let items: Vec<ScoreItem<'_>> =
        (0..8).map(|i| ScoreItem { prompt: &start, completion: &text[20..300 + i] }).collect();
    let cost = counts(&mut engine, |engine| {
        score(engine, &items, 1.0).unwrap();
    });
    // The prompt, and 287 tokens in chunks of 256.
    assert_eq!((cost.passes, cost.reads), (3, 2));
    assert_eq!(cost.tokens, (280..288).sum::<u64>());
}

/// The prompt of a group, and equal prompts, are prefilled once; a long one in chunks.
#[test]
fn prompts_are_prefilled_once() {
    let config = &configs()[0];
    let text = prompt(3, 700, config.vocab_size);
    let part = |range: std::ops::Range<usize>| ids(&text.ids()[range]);
    let passes = |requests: &[Request<'_>]| {
        let mut engine = device_engine(config, 4, AMPLE);
        counts(&mut engine, |engine| {
            generate(engine, requests, &sampling(2)).unwrap();
        })
        .passes
    };
    // Two tokens for each wave of four rows, and 512 + 187 positions in three chunks.
    assert_eq!(passes(&[Request { count: 12, ..one(&text) }]), 3 + 3 * 2);
    let (short, other) = (part(0..9), part(1..40));
    let both = [Request { count: 2, ..one(&short) }, Request { count: 2, ..one(&short) }];
    assert_eq!(passes(&both), 1 + 2);
    // Prompts of one length of cache are prefilled together.
    let each = [one(&short), one(&other)];
    assert_eq!(passes(&each), 1 + 2);
    // A single token is in no cache before it is read.
    assert_eq!(passes(&[one(&part(0..1))]), 2);
}

#[track_caller]
fn check<T: std::fmt::Debug>(result: Result<T, RolloutError>, expect: &str) {
    assert_eq!(result.unwrap_err().to_string(), expect);
}

#[test]
fn bad_requests_are_named_as_on_the_cpu() {
    let config = &configs()[0];
    let (mut device, mut cpu) = (device_engine(config, 4, AMPLE), engine(config, 4, AMPLE));
    let (good, empty, large) = (ids(&[1, 2, 3]), ids(&[]), ids(&[1, 61]));
    let item = ScoreItem { prompt: &good, completion: &[4] };
    let requests: [(Request<'_>, Sampling); 7] = [
        (one(&empty), sampling(4)),
        (one(&large), sampling(4)),
        (one(&good), sampling(2046)),
        (one(&good), sampling(0)),
        (one(&good), sampling(usize::MAX)),
        (one(&good), Sampling { top_p: 0.0, ..sampling(4) }),
        (Request { first: u64::MAX, ..one(&good) }, sampling(4)),
    ];
    for (request, sampling) in &requests {
        let expect = generate(&mut cpu, &[*request], sampling).unwrap_err();
        assert_eq!(generate(&mut device, &[*request], sampling), Err(expect));
    }
    let items = [ScoreItem { completion: &[4, 99], ..item }, ScoreItem { prompt: &empty, ..item }];
    for bad in items {
        let expect = score(&mut cpu, &[item, bad], 1.0).unwrap_err();
        assert_eq!(score(&mut device, &[item, bad], 1.0), Err(expect));
    }
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(score(&mut device, &[item], temperature).is_err());
    }
    assert_eq!(generate(&mut device, &[], &sampling(4)), Ok(vec![]));
    let none = Request { count: 0, ..one(&good) };
    let both = generate(&mut device, &[none, one(&good), none], &sampling(1)).unwrap();
    assert_eq!(both.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2, 0]);
    assert_eq!(score(&mut device, &[], 1.0), Ok(vec![]));
    let empty = [ScoreItem { prompt: &good, completion: &[] }];
    assert_eq!(score(&mut device, &empty, 1.0), score(&mut cpu, &empty, 1.0));
}

#[test]
fn the_cache_keeps_its_budget() {
    let config = &configs()[0];
    // 2 layers of 3 heads of 8 keys and 8 values, 4 bytes each: 384 a position. Three tokens and 40
    // need 64 positions for the row and 64 for the two of the prompt that it starts from.
    let mut small = device_engine(config, 4, 128 * 384 - 1);
    check(
        generate(&mut small, &[one(&ids(&[1, 2, 3]))], &sampling(40)),
        "problem `sum-7`: a prompt of 3 tokens and a completion of up to 40 need a KV cache of 49152 \
         bytes and the budget is 48768; raise it or shorten the completion",
    );
    let prompt = ids(&[1, 2, 3]);
    let item = ScoreItem { prompt: &prompt, completion: &[4; 40] };
    check(
        score(&mut small, &[item], 1.0),
        "scored item 0: a prompt of 3 tokens and a completion of up to 40 need a KV cache of 49152 \
         bytes and the budget is 48768; raise it or shorten the completion",
    );
    assert!(generate(&mut small, &[one(&ids(&[1]))], &sampling(40)).is_ok());
    let mut enough = device_engine(config, 4, 128 * 384);
    let drawn = generate(&mut enough, &[one(&ids(&[1, 2, 3]))], &sampling(40)).unwrap();
    assert_eq!(drawn[0].len(), 2);
    assert!(score(&mut enough, &[item, item, item], 1.0).is_ok());
}

#[test]
fn a_cache_for_one_row_holds_any_completion_of_its_length() {
    for config in &configs() {
        for (prompt_length, completion) in
            [(1, 1), (5, 8), (1, 63), (63, 2), (65, 7), (64, 64), (200, 100), (5, 300)]
        {
            let bytes = device_cache_bytes(config, 1, prompt_length + completion);
            let mut engine = device_engine(config, 1, bytes as usize);
            let prompt = prompt(1, prompt_length, config.vocab_size);
            let drawn = generate(&mut engine, &[one(&prompt)], &sampling(completion)).unwrap();
            let item = ScoreItem { prompt: &prompt, completion: &drawn[0][0].tokens };
            let scored = score(&mut engine, &[item], 1.0);
            assert!(scored.is_ok(), "{prompt_length} + {completion}: {scored:?}");
        }
    }
}

#[test]
fn what_diverged_is_named() {
    let options = EngineOptions { batch_size: 4, cache_bytes: AMPLE, storage: Storage::F32 };
    let broken = |config: &ModelConfig, value: f32| {
        let mut weights = random_weights(config, 1);
        weights.get_mut("model.embed_tokens.weight").unwrap().data[5 * 24] = value;
        Engine::on_device(config, &weights, &options, &Device::flex()).unwrap()
    };
    let expect = |subject: &str, position: usize| {
        format!(
            "{subject}: the logits after position {position} are not finite; the weights have \
             diverged or the file is damaged"
        )
    };
    // Token 5 has a broken embedding, which is also a broken logit of every position.
    let mut tied = broken(&configs()[0], f32::NAN);
    for sampling in [sampling(4), Sampling { top_p: 0.5, ..sampling(4) }] {
        check(
            generate(&mut tied, &[one(&ids(&[1, 2, 3]))], &sampling),
            &expect("problem `sum-7`", 2),
        );
    }
    let prompt = ids(&[1, 2]);
    let item = |completion| ScoreItem { prompt: &prompt, completion };
    check(score(&mut tied, &[item(&[3, 4])], 1.0), &expect("scored item 0", 1));

    // Untied, the broken embedding shows only once the token has been read; and what it leaves in the
    // cache is gone with the call.
    let mut untied = broken(&configs()[1], f32::INFINITY);
    let good = score(&mut untied, &[item(&[3, 4, 5])], 1.0).unwrap();
    let items = [item(&[3, 4][..]), item(&[3, 5, 4])];
    // The tokens of a chunk are read together, so that a broken one spoils those before it.
    check(score(&mut untied, &items, 1.0), &expect("scored item 1", 1));
    check(
        generate(&mut untied, &[one(&ids(&[1, 5]))], &sampling(4)),
        &expect("problem `sum-7`", 1),
    );
    assert_eq!(score(&mut untied, &[item(&[3, 4, 5])], 1.0).unwrap(), good);
}

#[test]
fn rounded_weights_are_refused() {
    let config = &configs()[0];
    let options = EngineOptions { batch_size: 4, cache_bytes: AMPLE, storage: Storage::Bf16 };
    let weights = random_weights(config, 1);
    check(
        Engine::on_device(config, &weights, &options, &Device::flex()).map(|_| ()),
        "rollout.weight_dtype = \"bfloat16\" is for the CPU, where it halves the weights' memory; on \
         another device they stay in float32: set it to \"float32\"",
    );
    // The CPU's kernels are what is opened on the CPU.
    assert!(Engine::open(config, weights, &options, &Device::flex()).is_ok());
}

#[test]
fn progress_counts_and_interrupts() {
    let config = &configs()[2];
    let mut engine = device_engine(config, 3, AMPLE);
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
        assert_eq!((result, calls), (Err(RolloutError::Interrupted), stop_at + 1));
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
        let device = Device::flex();
        let (old, new) = (random_weights(&config, 1), random_weights(&config, 2));
        let prompt = prompt(1, 12, config.vocab_size);
        let draw = |engine: &mut Engine| -> Vec<Vec<Completion>> {
            generate(engine, &[one(&prompt)], &sampling(6)).unwrap()
        };
        let mut engine = Engine::on_device(&config, &old, &options, &device).unwrap();
        let before = draw(&mut engine);
        engine.load(&new).unwrap();
        let after = draw(&mut engine);
        assert_ne!(before, after);
        let mut fresh = Engine::on_device(&config, &new, &options, &device).unwrap();
        assert_eq!(after, draw(&mut fresh));

        // Weights that do not fit leave the engine as it was.
        let mut torn = old.clone();
        torn.remove("model.norm.weight");
        assert!(engine.load(&torn).is_err());
        assert_eq!(draw(&mut engine), after);

        // From a model on the device, with autodiff or without; and the CPU's engine from it too.
        for device in [device.clone(), device.clone().autodiff()] {
            let model = Transformer::from_weights(&config, &old, &device).unwrap();
            engine.update_from(&model).unwrap();
            assert_eq!(draw(&mut engine), before);
            engine.load(&new).unwrap();
            let mut cpu = Engine::new(&config, &new, &options).unwrap();
            cpu.update_from(&model).unwrap();
            assert_eq!(draw(&mut cpu), draw(&mut Engine::new(&config, &old, &options).unwrap()));
            assert_eq!(cpu.counts(), None);
        }
        let other = ModelConfig { intermediate_size: 32, ..config.clone() };
        let other = Transformer::from_weights(&other, &random_weights(&other, 1), &device).unwrap();
        let error = engine.update_from(&other).unwrap_err().to_string();
        assert!(error.contains("mlp.gate_proj.weight` has shape [32, 24]"), "{error}");
    }
}
