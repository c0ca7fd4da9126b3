//! What prompts begin with alike is computed once, and no number shows it.

use bourn_rollout::{Engine, Inputs, Next, Prompt, Request, Rollouts, ScoreItem, Stopped};

use crate::common::*;

/// Eight prompts of 120 tokens, the first 100 of which are the same: three whole blocks.
fn alike(vocab: usize) -> Vec<Inputs> {
    let head = tokens(1, 100, vocab);
    (0..8).map(|seed| [head.clone(), tokens(100 + seed, 20, vocab)].concat().into()).collect()
}

/// Prompts with a head of all, examples of some, a prompt that is the beginning of another, one that
/// ends with a block, and one that has nothing in common with them.
fn branching(vocab: usize) -> Vec<Inputs> {
    let (head, examples) = (tokens(1, 64, vocab), tokens(2, 70, vocab));
    let with = |parts: &[&[u32]]| Inputs::from(parts.concat());
    vec![
        with(&[&head, &tokens(3, 5, vocab)]),
        with(&[&head, &examples, &tokens(4, 9, vocab)]),
        with(&[&head, &examples, &tokens(5, 40, vocab)]),
        prompt(6, 50, vocab),
        with(&[&head, &examples, &tokens(4, 9, vocab), &tokens(7, 33, vocab)]),
        head.clone().into(),
        with(&[&head, &tokens(8, 32, vocab)]),
    ]
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn requests(prompts: &[Inputs], count: u64) -> Vec<Request<'_>> {
    let one = |(prompt, stream)| Request { prompt, stream, first: 0, count };
    prompts.iter().zip(NAMES).map(one).collect()
}

/// Each request in a call of its own, where there is nothing to share.
fn apart(engine: &mut Engine, requests: &[Request<'_>], tokens: usize) -> ByIndex {
    let alone = |request: &Request<'_>| {
        by_index(&[*request], &generate(engine, &[*request], &sampling(tokens)).unwrap())
    };
    requests.iter().flat_map(alone).collect()
}

fn block_bytes(config: &bourn_model::ModelConfig) -> usize {
    config.num_layers
        * config.num_kv_heads
        * (config.head_dim * 32 + config.head_dim.div_ceil(32) * 32 * 32)
        * size_of::<f32>()
}

#[test]
fn a_common_head_is_prefilled_once() {
    let config = &configs()[0];
    let prompts = alike(config.vocab_size);
    let requests = requests(&prompts, 2);
    let mut fresh = engine(config, 64, AMPLE);
    let expect = apart(&mut fresh, &requests, 10);
    // Every completion feeds nine of its ten tokens back.
    assert_eq!(fresh.rows_run(), 8 * 120 + 16 * 9);
    // At any batch size: the head is kept while prompts that have it may still come.
    for batch in [64, 3, 1] {
        let mut engine = engine(config, batch, AMPLE);
        let drawn = generate(&mut engine, &requests, &sampling(10)).unwrap();
        assert_eq!(by_index(&requests, &drawn), expect, "batch {batch}");
        assert_eq!(engine.rows_run(), 96 + 8 * 24 + 16 * 9, "batch {batch}");
        if batch == 64 {
            // The head's three blocks once, the last block of each prompt, and of each completion
            // its copy of that and the one it goes on in.
            assert_eq!(engine.cached_bytes(), (3 + 8 + 16 * 2) * block_bytes(config));
        }
    }
    let drawn = generate(&mut fresh, &requests, &sampling(10)).unwrap();
    let items: Vec<ScoreItem<'_>> = requests
        .iter()
        .zip(&drawn)
        .flat_map(|(r, all)| {
            all.iter().map(|c| ScoreItem { prompt: r.prompt, completion: &c.tokens })
        })
        .collect();
    let before = fresh.rows_run();
    let scores = score(&mut fresh, &items, 1.0).unwrap();
    assert_eq!(fresh.rows_run() - before, 96 + 8 * 24 + 16 * 9);
    for (scored, completion) in scores.iter().zip(drawn.iter().flatten()) {
        assert_eq!(
            (&scored.logprobs, &scored.entropies),
            (&completion.logprobs, &completion.entropies)
        );
    }
}

/// Whatever there is room for, every completion comes and is the one it is alone, and the cache is
/// never larger than it may be.
#[test]
fn shared_beginnings_change_no_bit_in_any_cache() {
    for config in configs() {
        let block = block_bytes(&config);
        for prompts in [alike(config.vocab_size), branching(config.vocab_size)] {
            let requests = requests(&prompts, 3);
            let expect = apart(&mut engine(&config, 64, AMPLE), &requests, 40);
            // The longest prompt with a completion of its own, and no block more.
            let longest = prompts.iter().map(Inputs::len).max().unwrap();
            let least = longest.div_ceil(32) + (longest + 39).div_ceil(32) - longest / 32;
            for (batch, blocks) in
                [(64, least), (64, least + 1), (3, least + 3), (64, least + 7), (1, least), (5, 40)]
            {
                let mut engine = engine(&config, batch, blocks * block);
                for _ in 0..2 {
                    let drawn = generate(&mut engine, &requests, &sampling(40)).unwrap();
                    assert_eq!(by_index(&requests, &drawn), expect, "{batch} in {blocks}");
                    assert!(engine.cached_bytes() <= blocks * block, "{batch} in {blocks}");
                }
                let reversed: Vec<Request<'_>> = requests.iter().rev().copied().collect();
                let drawn = generate(&mut engine, &reversed, &sampling(40)).unwrap();
                assert_eq!(by_index(&reversed, &drawn), expect, "{batch} in {blocks}, reversed");

                let drawn = drawn.into_iter().rev().flatten().collect::<Vec<_>>();
                let pairs = requests.iter().flat_map(|r| [r.prompt; 3]).zip(&drawn);
                let items: Vec<ScoreItem<'_>> =
                    pairs.map(|(prompt, c)| ScoreItem { prompt, completion: &c.tokens }).collect();
                let scores = score(&mut engine, &items, 1.0).unwrap();
                for (scored, completion) in scores.iter().zip(&drawn) {
                    assert_eq!(scored.logprobs, completion.logprobs, "{batch} in {blocks}");
                }
                assert!(engine.cached_bytes() <= blocks * block, "{batch} in {blocks}");
            }
        }
    }
}

/// Work that comes back to prompts again and again, in a cache that cannot keep them all.
#[test]
fn beginnings_that_were_given_up_are_computed_again() {
    struct Turns {
        left: Vec<u64>,
        turn: usize,
        found: Vec<(usize, u64, bourn_rollout::Completion)>,
    }
    impl bourn_rollout::Work for Turns {
        fn next(&mut self) -> Option<(usize, u64)> {
            let open = (1..=self.left.len()).map(|step| (self.turn + step) % self.left.len());
            let next = open.into_iter().find(|&prompt| self.left[prompt] > 0)?;
            self.turn = next;
            self.left[next] -= 1;
            Some((next, self.left[next]))
        }
        fn is_open(&self, prompt: usize) -> bool {
            self.left[prompt] > 0
        }
        fn finished(
            &mut self,
            prompt: usize,
            sample: u64,
            completion: bourn_rollout::Completion,
            _: usize,
        ) -> Result<Next, Stopped> {
            self.found.push((prompt, sample, completion));
            Ok(Next::Done)
        }
    }
    let config = &configs()[0];
    let prompts = branching(config.vocab_size);
    let requests = requests(&prompts, 4);
    let asked: Vec<Prompt<'_>> =
        requests.iter().map(|r| Prompt { prompt: r.prompt, stream: r.stream }).collect();
    let expect = generate(&mut engine(config, 64, AMPLE), &requests, &sampling(12)).unwrap();
    for (batch, blocks) in [(1, 8), (2, 9), (64, 8), (64, 12), (64, 20), (4, 100)] {
        let mut engine = engine(config, batch, blocks * block_bytes(config));
        let mut work = Turns { left: vec![4; prompts.len()], turn: 0, found: Vec::new() };
        engine.draw(&asked, &sampling(12), &mut work, &mut go_on).unwrap();
        assert_eq!(work.found.len(), 4 * prompts.len());
        for (prompt, sample, completion) in work.found {
            assert_eq!(completion, expect[prompt][sample as usize], "{batch} in {blocks}");
        }
        assert!(engine.cached_bytes() <= blocks * block_bytes(config), "{batch} in {blocks}");
    }
}
