//! What answers without reasoning get right.

use super::interval::Resampling;
use crate::figures::Guesses;
use crate::{Ledger, LedgerEntry, Outcomes};

/// Success probability below which a problem that was solved counts as rarely solved: one that a
/// guess may have solved, which the reasoning behind it does not show.
const RARE: f64 = 0.05;

/// Problems whose share of correct draws is above 0 and below 5%, in id order.
pub(super) fn rarely_solved(base: &Ledger) -> Vec<String> {
    let rare = |o: Outcomes| o.solved() && o.accuracy() < RARE;
    let rare = base.entries().filter(|(_, entry)| rare(entry.outcomes()));
    rare.map(|(id, _)| id.to_owned()).collect()
}

/// Guesses beside draws with reasoning of the same model. A problem is guessable if guessing solved
/// it, and at least as often as reasoning did.
pub(super) fn guesses(base: &Ledger, guesses: &Ledger, resampling: &Resampling) -> Guesses {
    let accuracy = |entry: &LedgerEntry| entry.outcomes().accuracy();
    let guessable = |(id, entry): &(&str, &LedgerEntry)| {
        let reasoned = base.get(id).map_or(0.0, accuracy);
        entry.outcomes().solved() && accuracy(entry) >= reasoned
    };
    Guesses {
        n: guesses.entries().map(|(_, entry)| entry.outcomes().n()).max().unwrap_or(0),
        rate: resampling.mean(guesses.entries().map(|(_, entry)| accuracy(entry))),
        guessable: guesses.entries().filter(guessable).map(|(id, _)| id.to_owned()).collect(),
    }
}
