//! Where the correct answers came from, as lines under the boundary table.

use bourn_probe::figures::{Guesses, Origins, Perplexity};

use crate::format::percent;
use crate::table::interval;

/// Names with what they stand for; a figure that rests on nothing has no line. Beside a name of ten
/// characters each fits 80 columns, as long as counts have at most six digits.
pub(crate) fn origins_lines(origins: &Origins) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push((name.to_string(), text));
    let share = |figure| interval(figure, percent);
    let plain = |figure| interval(figure, |value| format!("{value:.2}"));
    let witnesses = &origins.witnesses;
    if witnesses.count > 0 {
        let (base, policy) = (share(witnesses.base_mass), share(witnesses.policy_mass));
        line("witnesses", format!("mass {base} %, policy {policy} % ({})", witnesses.count));
    }
    let discoveries = &origins.discoveries;
    if let Some(outside) = discoveries.outside.filter(|_| discoveries.count > 0) {
        let outside = share(outside);
        line("outside", format!("{outside} % of correct draws the base's sampler cannot make"));
    }
    let of_policy = |p: &&Perplexity| p.of == "policy" && p.correct && p.under == "base";
    if let Some(perplexity) = origins.perplexity.iter().find(of_policy) {
        let pooled = plain(perplexity.pooled);
        line("perplexity", format!("{pooled} of correct policy draws under the base"));
    }
    let (base, policy) = (origins.base_answer_entropy, origins.policy_answer_entropy);
    let (base, policy) = (plain(base), plain(policy));
    line("answers", format!("entropy base {base}, policy {policy} nats"));
    if let Some(Guesses { rate, guessable, .. }) = &origins.guesses {
        let rate = share(*rate);
        line("guesses", format!("{rate} % correct; {} problems guessable", guessable.len()));
    }
    lines
}

#[cfg(test)]
#[path = "../tests/unit/origins.rs"]
mod tests;
