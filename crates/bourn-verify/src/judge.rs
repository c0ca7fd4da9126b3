//! The seam between what was drawn and what it is worth: the judge of one problem.

use std::fmt::Debug;

use crate::Verdict;
use crate::steps::StepVerdict;

/// Says whether completions of one problem are right; made when the problem is loaded.
///
/// Unless it [waits](Self::waits), **a judge is a total function**: whatever the text, it gives the
/// same verdict again, and takes time in proportion to the text's length.
pub trait Judge: Send + Sync + Debug {
    /// The verifier, as recipes and metric tags name it.
    fn name(&self) -> &'static str;

    /// Raised whenever the same submission would get another verdict, so that stored verdicts are
    /// not taken for its own.
    fn version(&self) -> u32;

    /// Every setting that a verdict depends on, in [canonical](bourn_seed::canonical) JSON. A setting
    /// that is new is left out where it has its default.
    fn settings(&self) -> String;

    /// What it says of a completion.
    ///
    /// # Errors
    /// Something outside this process that judges has failed. That is no verdict: a run that took it
    /// for one would be paid for a crash.
    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError>;

    /// The final answer that is judged, in a form that is the same for every way of writing it: an
    /// exact fraction, an expression without needless brackets, or the text itself. `None` where
    /// none is read, so exactly where a readable reference gives [`Verdict::Unparsed`]; and always
    /// where the judge keeps to itself what it reads.
    fn answer(&self, _text: &str) -> Option<String> {
        None
    }

    /// Why it said `verdict` of this submission, in a few words for people.
    fn reason(&self, _submission: &Submission<'_>, verdict: Verdict) -> String {
        match verdict {
            Verdict::Correct => "the answer is the reference's",
            Verdict::Wrong => "the answer is not the reference's",
            Verdict::Unparsed => "there is no answer where this verifier looks for one",
            Verdict::Timeout => "more work or time than one verdict may take",
            Verdict::BadGold => "the reference is none that this verifier can judge by",
        }
        .to_owned()
    }

    /// Its verdict with what it rests on, for people: [`Self::verdict`], [`Self::answer`] and
    /// [`Self::reason`] at once.
    ///
    /// # Errors
    /// As [`Self::verdict`].
    fn explain(&self, submission: &Submission<'_>) -> Result<Explained, JudgeError> {
        let judgement = self.verdict(submission)?;
        let answer = match judgement.verdict {
            Verdict::Unparsed | Verdict::BadGold => None,
            _ => self.answer(submission.text),
        };
        Ok(Explained { judgement, answer, reason: self.reason(submission, judgement.verdict) })
    }

    /// The steps of a completion in order; none for text that is compared and not read.
    fn steps(&self, _text: &str) -> Vec<StepVerdict> {
        Vec::new()
    }

    /// Whether a verdict takes a while, because something outside this process gives it: then it is
    /// worth asking for several at once, and while other things are done.
    fn waits(&self) -> bool {
        false
    }
}

impl dyn Judge + '_ {
    /// Everything that its verdicts depend on besides problem and completion, for keys of what is
    /// stored: `math {"extract":"last_number"} version 1`.
    pub fn identity(&self) -> String {
        format!("{} {} version {}", self.name(), self.settings(), self.version())
    }
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The completion's text; of an episode of several turns, its last.
    pub text: &'a str,
    /// Whether it ran into the length limit.
    pub truncated: bool,
    /// Which draw of the problem it is.
    pub draw: DrawId,
}

impl<'a> Submission<'a> {
    /// A text that ended by itself, as the first draw.
    pub fn of(text: &'a str) -> Submission<'a> {
        Submission { text, truncated: false, draw: DrawId::default() }
    }
}

/// Which draw of a problem a completion is: all that a coin may depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrawId {
    /// Step of the run.
    pub step: u64,
    /// Number of the draw among those of its problem and step.
    pub number: u64,
}

/// A verdict with what it is worth before any weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// From 0 to 1: 1 for [`Verdict::Correct`] and 0 for any other, unless the judge grades.
    pub score: f32,
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The verdict, and what it is worth.
    pub judgement: Judgement,
    /// The answer that was read, as [`Judge::answer`] has it.
    pub answer: Option<String>,
    /// Why, in a few words.
    pub reason: String,
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Judgement {
        Judgement { verdict, score: if verdict.is_correct() { 1.0 } else { 0.0 } }
    }
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {verifier} verifier: {problem}")]
pub struct JudgeError {
    /// Which verifier.
    pub verifier: &'static str,
    /// What happened, and what to do about it.
    pub problem: String,
}
