//! The judges there are, a file each.
//!
//! To add one, write its file, a line of the table below, and its line in
//! `bourn-recipe/src/verifiers.rs`: schema, errors, reference page, metrics and keys follow.

mod any;

use std::sync::Arc;

use bourn_recipe::{Reward, VerifierKind};

use crate::{Judge, JudgeError, Reference};

/// Makes the modules and [`open`] of one table.
macro_rules! table {
    ($($kind:ident => $file:ident,)*) => {
        $(mod $file;)*

        /// Makes a `[[reward]]` of a task ready to judge; `seed` is the run's.
        ///
        /// # Errors
        /// A setting that no recipe's check lets through.
        pub fn open(reward: &Reward, seed: u64) -> Result<Verifier, JudgeError> {
            match reward.verifier {
                $(VerifierKind::$kind => $file::open(reward, seed),)*
            }
        }
    };
}

table! {
    Countdown => countdown,
    Math => math,
    Exact => exact,
    Format => format,
    Random => random,
    Regex => regex,
    Choice => choice,
    Command => command,
}

/// Makes the judge of one problem.
type Make = dyn Fn(Case<'_>) -> Arc<dyn Judge> + Send + Sync;

/// A `[[reward]]` that is ready to judge. What its judges share, they share through it.
pub struct Verifier {
    make: Box<Make>,
}

/// A problem, as a judge of it sees it.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// What completions are held against.
    pub reference: &'a Arc<Reference>,
    /// What the policy is given.
    pub prompt: &'a str,
    /// The problem's id as a number.
    pub problem: u64,
}

impl Verifier {
    /// The judge of one problem.
    pub fn judge(&self, case: Case<'_>) -> Arc<dyn Judge> {
        match &**case.reference {
            Reference::Any(several) => {
                let judge = |reference| (self.make)(Case { reference, ..case });
                any::of(several.iter().map(judge).collect(), || (self.make)(case))
            }
            _ => (self.make)(case),
        }
    }

    /// A verifier whose judges are made by `make`.
    fn new<J: Judge + 'static>(
        make: impl Fn(Case<'_>) -> J + Send + Sync + 'static,
    ) -> Result<Verifier, JudgeError> {
        Ok(Verifier { make: Box::new(move |case| Arc::new(make(case))) })
    }
}
