//! What can go wrong in a training run.

use std::path::PathBuf;

pub use crate::rundir::RunDirError;

/// An error of the training room. Errors of the rooms below pass through unchanged.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The problems could not be loaded.
    #[error(transparent)]
    Task(#[from] bourn_task::TaskError),
    /// A model could not be loaded or saved.
    #[error(transparent)]
    Model(#[from] bourn_model::ModelError),
    /// Generation failed.
    #[error(transparent)]
    Rollout(#[from] bourn_rollout::RolloutError),
    /// The probe or its ledger failed.
    #[error(transparent)]
    Probe(#[from] bourn_probe::ProbeError),
    /// A ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] bourn_probe::LedgerError),
    /// Outcomes could not be compared.
    #[error(transparent)]
    Compare(#[from] bourn_probe::CompareError),
    /// Completions could not be scored.
    #[error(transparent)]
    Score(#[from] bourn_probe::ScoreError),
    /// The reference file.
    #[error(transparent)]
    References(#[from] bourn_probe::ReadError),
    /// A line of the reference file that the model cannot take.
    #[error("{}:{line}: {problem}; shorten or remove the line", path.display())]
    Reference {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Why not.
        problem: String,
    },
    /// Something that an environment needs has failed.
    #[error(transparent)]
    Environment(#[from] bourn_env::EnvironmentError),
    /// Those who judge are gone.
    #[error(
        "a completion was handed to a judge that gave no verdict; this is a fault in bourn: report it"
    )]
    NoVerdict,
    /// A completion could not be judged: what judges it has failed.
    #[error("problem {problem} ({origin}): {source}")]
    Judge {
        /// The problem's id.
        problem: String,
        /// Where it comes from.
        origin: String,
        /// What happened.
        source: bourn_verify::JudgeError,
    },
    /// A metrics or event file could not be written.
    #[error(transparent)]
    Track(#[from] bourn_track::TrackError),
    /// Advantages could not be computed.
    #[error(transparent)]
    Algo(#[from] bourn_algo::AlgoError),
    /// Something that an algorithm needs to know of a trajectory, and nobody does.
    #[error(
        "the {what} of a completion are not known, and the algorithm reads them; draw with an engine \
         that gives them"
    )]
    Unknown {
        /// `log-probs` or `entropies`.
        what: &'static str,
    },
    /// A trajectory whose lists do not fit each other.
    #[error(transparent)]
    Trajectory(#[from] bourn_episode::TrajectoryError),
    /// Inserts in a trajectory that is to be trained on.
    #[error("a completion has inserts in it, which this model cannot be trained on")]
    Inserts,
    /// Something is to be fitted that the run does not have.
    #[error("this run fits nothing called {name}; this is a fault in bourn: report it")]
    NoLearner {
        /// What was asked for.
        name: String,
    },
    /// Another of the processes that train together has failed.
    #[error("another process of this run has failed; its own message says why")]
    Elsewhere,
    /// The processes that train together have lost each other.
    #[error("the processes of this run have lost each other: {problem}")]
    World {
        /// What happened.
        problem: String,
    },
    /// The run directory does not allow what was asked for.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// A file operation failed.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Intervals cannot be made of so many resamples.
    #[error(
        "probe.resamples = {got}: an interval of probe.confidence = {confidence} takes from \
         {least} to {most} resamples"
    )]
    Resamples {
        /// What the recipe asks for.
        got: usize,
        /// The confidence it asks for.
        confidence: f64,
        /// The fewest that hold such an interval.
        least: usize,
        /// The most that are accepted.
        most: usize,
    },
    /// A pretrained base in the cache is torn or altered.
    #[error("{path}: {problem}; delete {directory}, and the base is pretrained again")]
    CachedBase {
        /// The file at fault.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The base's directory in the cache.
        directory: PathBuf,
    },
    /// A probe's figures cannot be read back.
    #[error("{path}: is not a probe's figures ({problem}); restore the file, or start a new run")]
    Figures {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint's file is missing, torn or altered.
    #[error(
        "{path}: {problem}; delete this checkpoint's directory, and the run resumes from the one \
         before it, or starts over if there is none"
    )]
    Checkpoint {
        /// The file at fault.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something lies beside the files of a sealed directory.
    #[error(
        "{path}: is not among the files that MANIFEST.json beside it names, and may not be what was \
         written there; move it away"
    )]
    Stray {
        /// What lies there.
        path: PathBuf,
    },
    /// A moment of the optimiser is missing or misshapen.
    #[error("the optimiser state lacks tensor {tensor}, or it has another shape than the model")]
    OptimizerState {
        /// Name of the moment.
        tensor: String,
    },
    /// The loss or a gradient stopped being a number.
    #[error(
        "step {step}: {what} is {value} in the group of problem {problem}; nothing was updated. \
         The state before the step is saved in {checkpoint}. Start a new run with a lower \
         optimizer.lr or a higher optimizer.eps"
    )]
    NonFinite {
        /// Step (1-based) that was being trained.
        step: u64,
        /// What was not finite.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Id of the problem whose group it was found in, or of every group for a gradient.
        problem: String,
        /// Where the last good state was saved.
        checkpoint: PathBuf,
    },
    /// The policy gives no distribution to draw from any more.
    #[error(
        "after step {step}: {problem}; the last update has broken the policy, and it is not \
         saved. The last checkpoint is {checkpoint}. Start a new run with a lower optimizer.lr"
    )]
    Diverged {
        /// Completed steps.
        step: u64,
        /// What could not be drawn.
        problem: String,
        /// The last checkpoint that was saved, or `none`.
        checkpoint: String,
    },
    /// A prompt does not fit.
    #[error(
        "problem {problem} ({origin}): its prompt is {length} tokens long, more than \
         rollout.max_prompt_length = {limit}; raise the limit or drop the problem"
    )]
    PromptTooLong {
        /// Problem id.
        problem: String,
        /// Where it was read.
        origin: String,
        /// Tokens of the rendered prompt.
        length: usize,
        /// The recipe's limit.
        limit: usize,
    },
    /// Prompts that do not fit.
    #[error(
        "problem {problem} ({origin}): its prompt is {} tokens long, more than \
         rollout.max_prompt_length = {limit}; of {} problems {} are too long, the longest has {} \
         tokens: raise the limit, or leave them out of the data",
        .length.0, .count.1, .count.0, .length.1
    )]
    PromptsTooLong {
        /// Problem id of the first.
        problem: String,
        /// Where it was read.
        origin: String,
        /// Tokens of its prompt, and of the longest.
        length: (usize, usize),
        /// The recipe's limit.
        limit: usize,
        /// How many are too long, and how many there are.
        count: (usize, usize),
    },
    /// A prompt that cannot be made tokens of.
    #[error("problem {problem} ({origin}): {source}")]
    Prompt {
        /// Problem id.
        problem: String,
        /// Where it was read.
        origin: String,
        /// What is wrong with it.
        source: Box<bourn_model::ModelError>,
    },
    /// Prompt and completion do not fit the model's context.
    #[error(
        "rollout.max_prompt_length + rollout.max_completion_length = {needed} tokens, but the \
         model's context is {context}; lower one of them"
    )]
    ContextTooShort {
        /// Tokens the recipe asks for.
        needed: usize,
        /// The model's context.
        context: usize,
    },
    /// A prompt and a completion do not fit the context of a model that is probed.
    #[error(
        "{model}: the longest prompt is {prompt} tokens, rollout.max_completion_length = \
         {completion}, and the model's context is {context}; lower it with --set"
    )]
    ProbeContext {
        /// The model.
        model: String,
        /// Tokens of the longest prompt.
        prompt: usize,
        /// Tokens of the longest completion.
        completion: usize,
        /// The model's context.
        context: usize,
    },
    /// The directory for a probe's files holds something else.
    #[error("{path} holds something that is not a probe's; choose another place with --output")]
    OutputInUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is no run to probe a checkpoint of.
    #[error(
        "{path} holds no run: there is no recipe.toml in it; name a directory that `bourn train` wrote"
    )]
    NoRun {
        /// The directory.
        path: PathBuf,
    },
    /// The run has no such checkpoint.
    #[error("{path} has no checkpoint {asked}; {there}")]
    NoCheckpoint {
        /// The run directory.
        path: PathBuf,
        /// What was asked for: `at step 7`, or `yet`.
        asked: String,
        /// Which there are, and what to do.
        there: String,
    },
    /// The user asked to stop a probe that is not a run's.
    #[error(
        "interrupted; what was drawn is kept in {store}, and the same command goes on from there"
    )]
    ProbeInterrupted {
        /// The store of ledgers.
        store: PathBuf,
    },
    /// Pretraining demonstrations exist for generated tasks only.
    #[error(
        "[base] pretrains on countdown demonstrations; add a countdown [[task]] or load a model \
         with model.path"
    )]
    NoDemonstrations,
    /// Pretraining stopped being a number.
    #[error("base pretraining, step {step}: {what} is {value}; lower base.lr")]
    BaseDiverged {
        /// Step (1-based).
        step: u64,
        /// The loss or the gradient norm.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A character of a prompt or demonstration is not in the tokenizer.
    #[error("the tokenizer cannot represent {text:?}")]
    Untokenizable {
        /// The text.
        text: String,
    },
    /// The user asked to stop; everything done so far is saved.
    #[error(
        "interrupted; the run is saved at step {step} in {checkpoint}: continue it with --resume"
    )]
    Interrupted {
        /// Completed steps.
        step: u64,
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// The user asked a sweep to stop.
    #[error("interrupted; {done} of {total} runs are done: the same command goes on from here")]
    SweepInterrupted {
        /// Runs that are done.
        done: usize,
        /// Runs of the sweep.
        total: usize,
    },
    /// The cache cannot be written in.
    #[error(
        "the cache, where bases and their draws are kept: {problem}; set BOURN_CACHE to a directory \
         that can be written in"
    )]
    Cache {
        /// The directory, and what the system said.
        problem: Box<TrainError>,
    },
    /// What a run left cannot be shown.
    #[error(transparent)]
    Report(#[from] bourn_report::ReportError),
    /// The user asked to stop while the base was pretrained.
    #[error(
        "interrupted at step {step} of {steps} of the base's pretraining, which is kept in {kept}: the same command goes on from there"
    )]
    PretrainingInterrupted {
        /// Completed steps.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Where it is kept.
        kept: PathBuf,
    },
}

impl TrainError {
    /// Names the problem whose completion could not be judged.
    pub(crate) fn judge(
        problem: &bourn_task::Problem,
    ) -> impl FnOnce(bourn_verify::JudgeError) -> TrainError + '_ {
        move |source| TrainError::Judge {
            problem: problem.id.to_string(),
            origin: problem.origin.clone(),
            source,
        }
    }

    /// Wraps an I/O error with its place.
    pub fn io(
        path: &std::path::Path,
        action: &'static str,
    ) -> impl FnOnce(std::io::Error) -> TrainError {
        let path = path.to_path_buf();
        move |source| TrainError::Io { path, action, source }
    }
}
