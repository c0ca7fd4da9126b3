//! Where a probe's correct answers came from: each model's completions under the other, references,
//! guesses.

use bourn_episode::Inputs;
use bourn_model::prompt::Prompter;
use bourn_probe::figures::Origins;
use bourn_probe::{
    CompareOptions, CrossScores, Evidence, Extent, Ledger, ReferenceCompletion, ReferenceText,
    References, ScoreError, Unscored, origins, probe_stored, read_references,
};
use bourn_recipe::{Guess, Measured, Sampler};
use bourn_seed::canonical;
use bourn_task::Problem;
use bourn_verify::Submission;

use crate::engine_source::EngineSource;
use crate::error::TrainError;
use crate::probe::{Bench, Prober, own_error, source_error};
use crate::prompts::encode_prompts;
use crate::side::{Role, Side};

/// The recipe's references as token ids that end as completions do, with the verdicts of each problem's
/// first judge; none where the recipe names no file.
///
/// # Errors
/// Names the line of the file that is malformed, that the tokenizer cannot represent, or whose text
/// is longer than the model's context has room for after the prompt.
pub(crate) fn references(
    measured: &Measured<'_>,
    problems: &[Problem],
    side: &Side<'_>,
) -> Result<References, TrainError> {
    let &Side { prompter, config, .. } = side;
    let Some(path) = &measured.probe.references else { return Ok(References::new()) };
    let mut texts = read_references(path, problems)?;
    let end = end_token(prompter);
    let mut references = References::new();
    for problem in problems {
        let Some(texts) = texts.remove(problem.id.as_str()) else { continue };
        let prompts = encode_prompts(&[problem], prompter, measured.rollout.max_prompt_length)?;
        let prompt_length: usize = prompts.iter().map(Inputs::len).sum();
        let reference = |ReferenceText { line, completion }: ReferenceText| {
            let at = |problem| TrainError::Reference { path: path.clone(), line, problem };
            let mut ids =
                prompter.encode_completion(&completion).map_err(|error| at(error.to_string()))?;
            let text = match end_by_text(&ids, prompter) {
                Some(length) => {
                    ids.truncate(length);
                    prompter.decode(&ids)?
                }
                None => {
                    ids.extend(end);
                    completion
                }
            };
            let (length, context) = (prompt_length + ids.len(), config.max_position);
            if length > context {
                return Err(at(format!(
                    "prompt and completion are {length} tokens long, the model's context is {context}"
                )));
            }
            let judged = problem.judge().verdict(&Submission::of(&text));
            let verdict = judged.map_err(TrainError::judge(problem))?.verdict;
            Ok(ReferenceCompletion { ids, correct: verdict.is_correct() })
        };
        let list = texts.into_iter().map(reference).collect::<Result<_, _>>()?;
        references.insert(problem.id.to_string(), list);
    }
    Ok(references)
}

/// The token with which a completion ends: the tokenizer's end-of-text token where it ends one,
/// since a model may have several.
fn end_token(prompter: &Prompter) -> Option<u32> {
    let (tokenizer, stops) = (prompter.tokenizer(), prompter.stop_tokens());
    let named = tokenizer.special_tokens().get("eos_token").and_then(|token| tokenizer.id(token));
    named.filter(|id| stops.contains(id)).or_else(|| stops.first().copied())
}

/// The number of tokens after which a text comes to one of the prompter's stop strings.
fn end_by_text(ids: &[u32], prompter: &Prompter) -> Option<usize> {
    let stops = prompter.stop_strings()?;
    (1..=ids.len()).find(|&length| stops.ends(&ids[..length]))
}

impl Prober<'_> {
    /// What the base gets right without reasoning, where the recipe asks for it; drawn once for all
    /// runs, as its other draws are.
    pub(crate) fn guesses(
        &self,
        bench: &mut Bench<'_, '_>,
        sampler: &Sampler,
    ) -> Result<Option<Ledger>, TrainError> {
        let Some(guess) = &self.measured.probe.guess else { return Ok(None) };
        let Guess { suffix, n, max_completion_length } = guess;
        let mut key = self.ledger_key(&self.base, sampler);
        let suffix = canonical(suffix);
        key.prompt += &format!(" then {suffix} and at most {max_completion_length} tokens");
        let Bench { engines, store, .. } = bench;
        let locked = self.lock(store, &key)?;
        let (engine, prompter) = (engines.of(Role::Base, &self.base)?, self.base.prompter);
        let mut stage = self.console.stage("probe: guesses", self.problems.len() as u64, "problem");
        let mut source = EngineSource::new(engine, prompter, self.measured, sampler, self.stop)
            .drawing("probe/guess", 0)
            .guessing(guess);
        let mut decided = 0;
        let extent = Extent::Fixed(*n as u64);
        let probed = probe_stored(&locked, self.problems, &mut source, extent, &mut |progress| {
            stage.inc((progress.decided - decided) as u64);
            decided = progress.decided;
        });
        drop(stage);
        Ok(Some(probed.map_err(own_error)?.ledger))
    }

    /// Scores each model's completions under the other and makes the figures of it.
    pub(crate) fn origins(
        &self,
        bench: &mut Bench<'_, '_>,
        sampler: &Sampler,
        drawn: &Drawn<'_>,
        options: &CompareOptions,
    ) -> Result<Origins, TrainError> {
        let &Drawn { base, policy: by_policy, guesses, references } = drawn;
        let most = self.measured.probe.scores;
        // Under the policy first: its weights are there.
        let unscored = Unscored::new(self.problems, by_policy, base, references, most);
        let under_policy = self.score(bench, Role::Policy, sampler, &unscored)?;
        let unscored = Unscored::new(self.problems, base, by_policy, references, most);
        let mut under_base = CrossScores::default();
        if !unscored.is_empty() {
            under_base = self.score(bench, Role::Base, sampler, &unscored)?;
        }
        let evidence = Evidence {
            under_base: &under_base,
            under_policy: &under_policy,
            references,
            guesses,
            nucleus: cuts(sampler),
            most,
        };
        Ok(origins(base, by_policy, &evidence, options))
    }

    /// What a model says of these completions.
    fn score(
        &self,
        bench: &mut Bench<'_, '_>,
        role: Role,
        sampler: &Sampler,
        unscored: &Unscored<'_>,
    ) -> Result<CrossScores, TrainError> {
        let Bench { engines, policy, .. } = bench;
        let side = if role == Role::Base { &self.base } else { *policy };
        let name = format!("probe: {} scores", role.name());
        let mut stage = self.console.stage(&name, unscored.len() as u64, "completion");
        let engine = engines.of(role, side)?;
        let mut source =
            EngineSource::new(engine, side.prompter, self.measured, sampler, self.stop);
        let scores = unscored.score(&mut source, &mut |count| stage.inc(count));
        drop(stage);
        scores.map_err(|error| match error {
            ScoreError::Source(error) => {
                source_error(error).unwrap_or_else(|error| ScoreError::Source(error).into())
            }
            error => error.into(),
        })
    }
}

/// Whether a sampler cuts any token away.
fn cuts(sampler: &Sampler) -> bool {
    sampler.top_p < 1.0 || sampler.top_k > 0 || sampler.min_p > 0.0
}

/// What both models drew, and what neither did.
#[derive(Clone, Copy)]
pub(crate) struct Drawn<'a> {
    /// Draws of the frozen base.
    pub(crate) base: &'a Ledger,
    /// Draws of the policy.
    pub(crate) policy: &'a Ledger,
    /// The base's guesses.
    pub(crate) guesses: Option<&'a Ledger>,
    /// Solutions from a file.
    pub(crate) references: &'a References,
}

#[cfg(test)]
#[path = "../tests/unit/origins.rs"]
mod tests;
