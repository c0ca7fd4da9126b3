//! Rows that go on after a completion with tokens from elsewhere: episodes of several turns.

use std::collections::BTreeMap;

use bourn_rollout::{
    Completion, Engine, Finish, Inputs, Next, Prompt, RolloutError, Rollouts, Sampling, ScoreItem,
    Stopped, Work,
};

use crate::common::*;
use crate::device::{check_close, distribution, numbers};

/// What an episode goes on with after one of its turns, by prompt, sample and turn; `None` ends it.
type Script = dyn Fn(usize, u64, usize) -> Option<Vec<u32>>;

/// `count` episodes of each prompt, as a script has them go on.
struct Episodes<'a> {
    script: &'a Script,
    count: u64,
    started: Vec<u64>,
    /// The turns of each.
    turns: BTreeMap<(usize, u64), Vec<Completion>>,
    /// The room that was told after each turn.
    rooms: BTreeMap<(usize, u64), Vec<usize>>,
    /// Episodes that are given up once another of the prompt has so many turns.
    given_up_at: usize,
}

impl<'a> Episodes<'a> {
    fn new(prompts: usize, count: u64, script: &'a Script) -> Episodes<'a> {
        let (turns, rooms) = (BTreeMap::new(), BTreeMap::new());
        Episodes { script, count, started: vec![0; prompts], turns, rooms, given_up_at: usize::MAX }
    }
}

impl Work for Episodes<'_> {
    fn next(&mut self) -> Option<(usize, u64)> {
        let prompt = self.started.iter().position(|&started| started < self.count)?;
        self.started[prompt] += 1;
        Some((prompt, self.started[prompt] - 1))
    }

    fn is_open(&self, prompt: usize) -> bool {
        self.started[prompt] < self.count
    }

    fn is_wanted(&self, prompt: usize, _: u64) -> bool {
        let of_prompt = self.turns.iter().filter(|((of, _), _)| *of == prompt);
        of_prompt.map(|(_, turns)| turns.len()).max().unwrap_or(0) < self.given_up_at
    }

    fn finished(
        &mut self,
        prompt: usize,
        sample: u64,
        completion: Completion,
        room: usize,
    ) -> Result<Next, Stopped> {
        let turns = self.turns.entry((prompt, sample)).or_default();
        turns.push(completion);
        self.rooms.entry((prompt, sample)).or_default().push(room);
        let next = (self.script)(prompt, sample, turns.len() - 1);
        Ok(next.map_or(Next::Done, Next::Continue))
    }
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn asked(prompts: &[Inputs]) -> Vec<Prompt<'_>> {
    prompts.iter().zip(NAMES).map(|(prompt, stream)| Prompt { prompt, stream }).collect()
}

/// All turns of `count` episodes of each prompt.
fn play(
    engine: &mut Engine,
    prompts: &[Inputs],
    count: u64,
    sampling: &Sampling,
    script: &Script,
) -> BTreeMap<(usize, u64), Vec<Completion>> {
    let mut work = Episodes::new(prompts.len(), count, script);
    engine.draw(&asked(prompts), sampling, &mut work, &mut go_on).unwrap();
    work.turns
}

/// Up to three turns, some of which end with their first token.
fn turning(row_tokens: usize) -> Sampling {
    let mut sampling = Sampling { row_tokens: Some(row_tokens), ..sampling(20) };
    sampling.stop_tokens.extend((0..300).step_by(9));
    sampling
}

/// One episode in three ends at once; the others are answered with one token, or with many.
fn script(prompt: usize, sample: u64, turn: usize) -> Option<Vec<u32>> {
    let turns = (prompt + sample as usize) % 3;
    let answer = |length: usize| tokens(50 + sample + prompt as u64, length, 61);
    (turn < turns).then(|| answer(if turn == 0 { 1 } else { 40 }))
}

/// Every turn as a completion of what stands before it.
fn items(
    prompts: &[Inputs],
    episodes: &BTreeMap<(usize, u64), Vec<Completion>>,
    script: &Script,
) -> Vec<(Inputs, Completion)> {
    let mut all = Vec::new();
    for (&(prompt, sample), turns) in episodes {
        let mut before = prompts[prompt].clone();
        for (turn, completion) in turns.iter().enumerate() {
            all.push((before.clone(), completion.clone()));
            before.extend(&completion.tokens);
            before.extend(&script(prompt, sample, turn).unwrap_or_default());
        }
    }
    all
}

fn lengths(vocab: usize) -> Vec<Inputs> {
    [5, 31, 32, 5, 100].iter().map(|&n| prompt(9, n, vocab)).collect()
}

#[test]
fn a_turn_is_a_completion_of_all_that_stands_before_it() {
    for config in configs() {
        let prompts = lengths(config.vocab_size);
        let mut cpu = engine(&config, 64, AMPLE);
        let mut device = device_engine(&config, 16, AMPLE);
        let on_cpu = play(&mut cpu, &prompts, 6, &turning(120), &script);
        let on_device = play(&mut device, &prompts, 6, &turning(120), &script);
        for (episodes, exact) in [(on_cpu, true), (on_device, false)] {
            assert!(episodes.values().any(|turns| turns.len() == 3));
            assert!(episodes.values().flatten().any(|turn| turn.tokens.len() == 1));
            let turns = items(&prompts, &episodes, &script);
            let items: Vec<ScoreItem<'_>> = turns
                .iter()
                .map(|(prompt, turn)| ScoreItem { prompt, completion: &turn.tokens })
                .collect();
            let scores = score(&mut cpu, &items, 1.0).unwrap();
            for ((_, turn), scored) in turns.iter().zip(&scores) {
                if exact {
                    assert_eq!(turn.logprobs, scored.logprobs);
                    assert_eq!(turn.entropies, scored.entropies);
                }
                check_close(&turn.logprobs, &scored.logprobs, "log-prob");
                check_close(given(&turn.entropies), given(&scored.entropies), "entropy");
            }
        }
    }
}

/// Without a random number, a turn is what a call gives for the longer prompt, to the bit.
#[test]
fn a_greedy_turn_is_that_of_a_fresh_call() {
    for config in configs() {
        let prompts = lengths(config.vocab_size);
        let greedy = Sampling { temperature: 0.0, ..turning(120) };
        let mut cpu = engine(&config, 64, AMPLE);
        let mut device = device_engine(&config, 16, AMPLE);
        let turns = items(&prompts, &play(&mut cpu, &prompts, 3, &greedy, &script), &script);
        let others = items(&prompts, &play(&mut device, &prompts, 3, &greedy, &script), &script);
        assert_eq!(turns.len(), others.len());
        for ((before, turn), (_, other)) in turns.iter().zip(&others) {
            let request =
                bourn_rollout::Request { prompt: before, stream: "a", first: 0, count: 1 };
            let fresh = &generate(&mut cpu, &[request], &greedy).unwrap()[0][0];
            assert_eq!(turn, fresh);
            assert_eq!((&turn.tokens, turn.finish), (&other.tokens, other.finish));
            check_close(&turn.logprobs, &other.logprobs, "log-prob");
        }
    }
}

#[test]
fn episodes_do_not_depend_on_their_batch() {
    for config in configs() {
        let prompts = lengths(config.vocab_size);
        let block = config.num_layers
            * config.num_kv_heads
            * (config.head_dim * 32 + config.head_dim.div_ceil(32) * 32 * 32)
            * size_of::<f32>();
        let mut wide = engine(&config, 64, AMPLE);
        let expect = play(&mut wide, &prompts, 5, &turning(120), &script);
        // The longest prompt is four blocks, and a row that goes on from it four or five.
        for (batch, cache) in [(1, AMPLE), (3, AMPLE), (64, 9 * block), (64, 21 * block)] {
            let mut narrow = engine(&config, batch, cache);
            let found = play(&mut narrow, &prompts, 5, &turning(120), &script);
            assert_eq!(found, expect, "{batch} in {cache}");
            assert!(narrow.cached_bytes() <= cache, "{batch} in {cache}");
        }
        for threads in 1..=3 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| play(&mut wide, &prompts, 5, &turning(120), &script));
            assert_eq!(found, expect, "{threads} threads");
        }
        let mut device = device_engine(&config, 64, AMPLE);
        let expect = play(&mut device, &prompts, 5, &turning(120), &script);
        for batch in [1, 3, 7] {
            let mut narrow = device_engine(&config, batch, AMPLE);
            let found = play(&mut narrow, &prompts, 5, &turning(120), &script);
            for (found, expect) in found.values().flatten().zip(expect.values().flatten()) {
                assert_eq!((&found.tokens, found.finish), (&expect.tokens, expect.finish));
                check_close(&found.logprobs, &expect.logprobs, "log-prob");
            }
        }
    }
}

/// Each token is read once, and the last of an episode never; on another device a step reads one.
#[test]
fn nothing_is_read_again() {
    let config = &configs()[0];
    let prompts = [prompt(1, 20, config.vocab_size)];
    let answers = |_: usize, _: u64, turn: usize| (turn < 2).then(|| vec![3, 4, 5, 6]);
    let mut cpu = engine(config, 4, AMPLE);
    let turns = &play(&mut cpu, &prompts, 1, &turning(80), &answers)[&(0, 0)];
    let drawn: usize = turns.iter().map(|turn| turn.tokens.len()).sum();
    assert_eq!(turns.len(), 3);
    assert_eq!(cpu.rows_run() as usize, 20 + drawn + 2 * 4 - 1);

    let mut device = device_engine(config, 4, AMPLE);
    let turns = &play(&mut device, &prompts, 1, &turning(80), &answers)[&(0, 0)];
    let drawn: usize = turns.iter().map(|turn| turn.tokens.len()).sum();
    let counts = device.counts().unwrap();
    // The prompt, and then a pass for each token that is drawn or given.
    assert_eq!((counts.passes as usize, counts.given), (1 + drawn + 2 * 4, 2 * 4));
    assert_eq!(counts.tokens as usize, drawn);
}

/// More tokens than one pass of the model takes, for several rows at once, beside rows that end.
#[test]
fn what_a_row_goes_on_with_may_be_longer_than_a_batch() {
    for config in &configs()[..2] {
        let prompts = [prompt(1, 30, config.vocab_size), prompt(2, 7, config.vocab_size)];
        let long = |prompt: usize, sample: u64, turn: usize| {
            let length = [700, 3, 600][(prompt + sample as usize) % 3];
            (turn == 0 && sample < 3).then(|| tokens(sample, length, 61))
        };
        let mut cpu = engine(config, 64, AMPLE);
        let episodes = play(&mut cpu, &prompts, 4, &turning(760), &long);
        let turns = items(&prompts, &episodes, &long);
        assert!(turns.iter().any(|(before, _)| before.len() > 700));
        let items: Vec<ScoreItem<'_>> = turns
            .iter()
            .map(|(prompt, turn)| ScoreItem { prompt, completion: &turn.tokens })
            .collect();
        for ((_, turn), scored) in turns.iter().zip(score(&mut cpu, &items, 1.0).unwrap()) {
            assert_eq!(turn.logprobs, scored.logprobs);
        }
        let alone = play(&mut engine(config, 1, AMPLE), &prompts, 4, &turning(760), &long);
        assert_eq!(alone, episodes);
    }
}

/// Turn t is drawn with the stream of (step, stream, sample, t); the first without the t, as ever.
#[test]
fn turns_have_random_numbers_of_their_own() {
    let config = &configs()[2];
    let vocab = config.vocab_size;
    let prompts = [prompt(1, 12, vocab)];
    let answers = |_: usize, _: u64, turn: usize| (turn < 2).then(|| vec![7, 8]);
    let sampling = Sampling { row_tokens: Some(40), ..sampling(5) };
    let mut cpu = engine(config, 64, AMPLE);
    let episodes = play(&mut cpu, &prompts, 8, &sampling, &answers);
    let mut checked = 0;
    for (&(_, sample), turns) in &episodes {
        let mut before = prompts[0].clone();
        for (turn, completion) in turns.iter().enumerate() {
            let counters: &[u64] = if turn == 0 { &[sample] } else { &[sample, turn as u64] };
            let number = numbers(&sampling, "a", counters, 1)[0];
            let p = distribution((&mut cpu, vocab), &before, &[], &sampling);
            let token = completion.tokens[0] as usize;
            let start: f64 = p[..token].iter().sum();
            // The number's upper 24 bits, and log-probs in f32 of up to 300 tokens before.
            assert!((start - 1e-5..start + p[token] + 1e-5).contains(&number), "{sample} {turn}");
            before.extend(&completion.tokens);
            before.extend(&[7, 8]);
            checked += 1;
        }
    }
    assert_eq!(checked, 8 * 3);
}

#[test]
fn a_turn_has_what_is_left_of_the_room() {
    let config = &configs()[0];
    let prompts = [prompt(1, 12, config.vocab_size)];
    // Eight tokens, three, eight, two, and the last four: 25.
    let answers =
        |_: usize, _: u64, turn: usize| [Some(vec![1; 3]), Some(vec![2; 2])].get(turn)?.clone();
    let sampling = Sampling { row_tokens: Some(25), ..sampling(8) };
    for mut engine in [engine(config, 4, AMPLE), device_engine(config, 4, AMPLE)] {
        let mut work = Episodes::new(1, 2, &answers);
        let mut last = None;
        let on_progress = &mut |progress| {
            last = Some(progress);
            std::ops::ControlFlow::Continue(())
        };
        engine.draw(&asked(&prompts), &sampling, &mut work, on_progress).unwrap();
        for (turns, rooms) in work.turns.values().zip(work.rooms.values()) {
            let drawn: Vec<usize> = turns.iter().map(|turn| turn.tokens.len()).collect();
            assert_eq!((&drawn[..], &rooms[..]), (&[8, 8, 4][..], &[17, 6, 0][..]));
            assert!(turns.iter().all(|turn| turn.finish == Finish::Length));
        }
        // An episode is done once, whatever its turns.
        let progress = last.unwrap();
        assert_eq!((progress.completions_done, progress.tokens_done), (2, 2 * 20));
    }
}

#[test]
fn what_a_row_cannot_go_on_with_is_named() {
    let config = &configs()[0];
    let prompts = [prompt(1, 12, config.vocab_size)];
    let check = |given: Vec<u32>, sampling: &Sampling, expect: &str| {
        for mut engine in [engine(config, 4, AMPLE), device_engine(config, 4, AMPLE)] {
            let given = given.clone();
            let answers = move |_: usize, _: u64, _: usize| Some(given.clone());
            let mut work = Episodes::new(1, 1, &answers);
            let error = engine.draw(&asked(&prompts), sampling, &mut work, &mut go_on).unwrap_err();
            assert_eq!(error.to_string(), expect);
            // Nothing is left of it.
            let mut work = Episodes::new(1, 1, &|_, _, _| None);
            engine.draw(&asked(&prompts), sampling, &mut work, &mut go_on).unwrap();
        }
    };
    let ten = Sampling { row_tokens: Some(10), ..sampling(8) };
    check(
        vec![1; 2],
        &ten,
        "problem `a`: to go on with 2 tokens and draw one more takes more than the 2 that the row \
         has left; give fewer, end the episode or raise `row_tokens`",
    );
    // Where there is one turn, there is no room for another.
    check(
        vec![1],
        &sampling(8),
        "problem `a`: to go on with 1 tokens and draw one more takes more than the 0 that the row \
         has left; give fewer, end the episode or raise `row_tokens`",
    );
    check(
        vec![],
        &ten,
        "problem `a`: there are no tokens to go on with; end the episode or give at least one",
    );
    check(
        vec![61],
        &ten,
        "problem `a`: token id 61 is not below the vocabulary size 61; the tokenizer belongs to \
         another model",
    );
    let none = Sampling { row_tokens: Some(0), ..sampling(8) };
    let mut work = Episodes::new(1, 1, &|_, _, _| None);
    let error = engine(config, 4, AMPLE).draw(&asked(&prompts), &none, &mut work, &mut go_on);
    assert_eq!(
        error.unwrap_err().to_string(),
        "row_tokens = 0 is out of range; it must be at least 1"
    );
    // The context has to hold every turn.
    let long = Sampling { row_tokens: Some(2040), ..sampling(8) };
    let error = engine(config, 4, AMPLE).draw(&asked(&prompts), &long, &mut work, &mut go_on);
    assert!(matches!(error, Err(RolloutError::TooLong { prompt: 12, completion: 2040, .. })));
}

/// Rows that are given up between two turns give their cache back: a call that needs all of it fits.
#[test]
fn rows_that_are_given_up_within_an_episode_leave_nothing_behind() {
    let config = &configs()[0];
    let prompts = lengths(config.vocab_size);
    let block = 2 * 3 * (8 * 32 + 32 * 32) * size_of::<f32>();
    let position = 2 * 2 * 3 * 8 * size_of::<f32>();
    let answers = |_: usize, _: u64, turn: usize| (turn < 3).then(|| vec![5; 9]);
    let sampling = turning(120);
    let expect = play(&mut engine(config, 64, AMPLE), &prompts, 6, &sampling, &answers);
    let engines = [
        (engine(config, 64, AMPLE), true),
        (engine(config, 64, 9 * block), true),
        (engine(config, 3, 20 * block), true),
        (device_engine(config, 16, AMPLE), false),
        (device_engine(config, 16, 600 * position), false),
    ];
    for (mut engine, exact) in engines {
        let mut work = Episodes::new(prompts.len(), 6, &answers);
        work.given_up_at = 2;
        engine.draw(&asked(&prompts), &sampling, &mut work, &mut go_on).unwrap();
        assert!(work.turns.values().all(|turns| turns.len() <= 3));
        assert!(work.turns.len() < 30 || work.turns.values().any(|turns| turns.len() < 4));
        for (key, turns) in &work.turns {
            for (turn, expect) in turns.iter().zip(&expect[key]) {
                assert!(!exact || turn == expect);
            }
        }
        let all = play(&mut engine, &prompts, 6, &sampling, &answers);
        assert!(!exact || all == expect);
        assert!(all.values().all(|turns| turns.len() == 4));
    }
}
