//! Work that depends on what has come out: the same completions, and no cache that nobody needs.

use bourn_rollout::{
    Completion, Inputs, Next, Prompt, Request, RolloutError, Rollouts, Sampling, Stopped, Work,
};

use crate::common::*;

/// Asks for completions of each prompt, in turns, until one of `enough` tokens or fewer has come
/// out, at most `most`; notes everything.
pub(crate) struct Until {
    most: u64,
    enough: usize,
    prompts: usize,
    turn: usize,
    started: Vec<u64>,
    pub ended: Vec<bool>,
    pub found: Vec<(usize, u64, Completion)>,
    given_up: bool,
}

impl Until {
    pub(crate) fn new(prompts: usize, most: u64, enough: usize, given_up: bool) -> Until {
        let (started, ended, found) = (vec![0; prompts], vec![false; prompts], Vec::new());
        Until { most, enough, prompts, turn: 0, started, ended, found, given_up }
    }
}

impl Work for Until {
    fn next(&mut self) -> Option<(usize, u64)> {
        for _ in 0..self.prompts {
            self.turn = (self.turn + 1) % self.prompts;
            if self.is_open(self.turn) {
                self.started[self.turn] += 1;
                return Some((self.turn, self.started[self.turn] - 1));
            }
        }
        None
    }

    fn is_open(&self, prompt: usize) -> bool {
        !self.ended[prompt] && self.started[prompt] < self.most
    }

    fn is_wanted(&self, prompt: usize, _: u64) -> bool {
        !(self.given_up && self.ended[prompt])
    }

    fn finished(
        &mut self,
        prompt: usize,
        sample: u64,
        completion: Completion,
        _: usize,
    ) -> Result<Next, Stopped> {
        self.ended[prompt] |= completion.tokens.len() <= self.enough;
        self.found.push((prompt, sample, completion));
        Ok(Next::Done)
    }
}

fn stopping() -> Sampling {
    let mut sampling = sampling(36);
    sampling.stop_tokens.extend((0..300).step_by(17));
    sampling
}

#[test]
fn streamed_completions_are_those_of_requests() {
    for config in configs() {
        let prompts: Vec<Inputs> =
            [5, 31, 5, 64, 33].iter().map(|&n| prompt(9, n, config.vocab_size)).collect();
        let names = ["a", "b", "c", "d", "e"];
        let asked: Vec<Prompt<'_>> =
            prompts.iter().zip(names).map(|(prompt, stream)| Prompt { prompt, stream }).collect();
        let requests: Vec<Request<'_>> = asked
            .iter()
            .map(|p| Request { prompt: p.prompt, stream: p.stream, first: 0, count: 9 })
            .collect();
        let mut wide = engine(&config, 64, AMPLE);
        let expect = generate(&mut wide, &requests, &stopping()).unwrap();
        let block = config.num_layers
            * config.num_kv_heads
            * (config.head_dim * 32 + config.head_dim.div_ceil(32) * 32 * 32)
            * size_of::<f32>();
        // The longest needs two blocks for its prompt and two of its own: with six, prompts that
        // nothing is under way from have to make room, and are computed again.
        for (batch, cache) in [(64, AMPLE), (3, AMPLE), (64, 6 * block), (1, 4 * block)] {
            for given_up in [false, true] {
                let mut engine = engine(&config, batch, cache);
                let mut work = Until::new(5, 9, 4, given_up);
                engine.draw(&asked, &stopping(), &mut work, &mut go_on).unwrap();
                let mut counts = [0; 5];
                for (prompt, sample, completion) in &work.found {
                    assert_eq!(completion, &expect[*prompt][*sample as usize], "batch {batch}");
                    counts[*prompt] += 1;
                }
                let reported: u64 = counts.iter().sum();
                let started: u64 = work.started.iter().sum();
                assert!(given_up || reported == started, "{reported} {started}");
                for (ended, count) in work.ended.iter().zip(counts) {
                    assert!(*ended || count == 9);
                }
                // Nothing is left behind: a call that needs all of the cache still fits.
                let all = generate(&mut engine, &requests, &stopping()).unwrap();
                assert_eq!(all, expect);
            }
        }
    }
}

#[test]
fn a_break_ends_the_stream() {
    struct Broken;
    impl Work for Broken {
        fn next(&mut self) -> Option<(usize, u64)> {
            Some((0, 0))
        }
        fn is_open(&self, _: usize) -> bool {
            true
        }
        fn finished(&mut self, _: usize, _: u64, _: Completion, _: usize) -> Result<Next, Stopped> {
            Err(Stopped)
        }
    }
    let config = &configs()[0];
    let mut engine = engine(config, 4, AMPLE);
    let prompt = ids(&[1, 2, 3]);
    let prompts = [Prompt { prompt: &prompt, stream: "a" }];
    let broken = engine.draw(&prompts, &sampling(5), &mut Broken, &mut go_on);
    assert_eq!(broken, Err(RolloutError::Interrupted));
    let none = ids(&[]);
    let empty = [Prompt { prompt: &none, stream: "nothing" }];
    let error = engine.draw(&empty, &sampling(5), &mut Broken, &mut go_on).unwrap_err();
    assert!(error.to_string().contains("nothing"), "{error}");
    let request = Request { prompt: &prompt, stream: "a", first: 0, count: 1 };
    assert!(generate(&mut engine, &[request], &sampling(5)).is_ok());
}
