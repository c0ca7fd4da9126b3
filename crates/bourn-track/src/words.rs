//! Every sentence that bourn prints about a comparison of policy and base, in one place.
//!
//! **A word needs its interval**: what is said comes from [`Findings`], so that the terminal, the
//! report, TensorBoard and `bourn compare` say the same, and nothing says more than was shown.

use bourn_probe::{Boundary, Change, Estimate, Findings, SetFinding, Shown, Stretch};

use crate::format::{NONE_SHOWN, counted, draws, p_value, percent, plural};

/// The name of the problems that the base solved in its draws and the policy in none of its own.
pub const NEVER_SOLVED_AGAIN: &str = "never solved again";
/// The name of the converse.
pub const NEWLY_SOLVED: &str = "newly solved";
/// The name of the expected number of problems that the base can solve and the policy cannot.
pub const LOST_OR_NEARLY: &str = "lost or nearly";
/// The name of the converse.
pub const NEW_OR_NEARLY: &str = "new or nearly";

/// What is shown at one number of tries, in a word.
pub fn word(shown: Shown) -> &'static str {
    match shown {
        Shown::Better => "better",
        Shown::Worse => "worse",
        Shown::Neither => "not shown",
    }
}

/// `1 try`, `64 tries`.
pub fn tries(k: u64) -> String {
    if k == 1 { "1 try".to_owned() } else { format!("{k} tries") }
}

/// How the policy's curve lies to the base's: where it is better and where worse, whether they cross,
/// and what could have been shown where nothing is.
pub fn standing(findings: &Findings) -> String {
    if findings.policy_is_base {
        return "Policy and base are the same model here: what differs is chance.".to_owned();
    }
    let ends = ends(findings);
    if findings.stretches.is_empty() {
        let could: Vec<String> = ends
            .iter()
            .map(|change| format!("±{} points at {}", rounded(change.could_show), tries(change.k)))
            .collect();
        return match could.is_empty() {
            true => "No difference shown.".to_owned(),
            false => {
                format!("No difference shown. These draws could have shown {}.", could.join(", "))
            }
        };
    }
    let stretches: Vec<String> = findings.stretches.iter().map(stretch).collect();
    let mut text = capitalised(&stretches.join(", "));
    match findings.crossing() {
        Some((before, from)) => {
            text += &format!(": the curves cross between {before} and {}.", tries(from));
        }
        None => text.push('.'),
    }
    // An end of the curve at which nothing is shown is no "not worse".
    for change in ends.iter().filter(|change| change.shown == Shown::Neither) {
        text += &format!(
            " At {} no difference is shown: ±{} points could have been.",
            tries(change.k),
            rounded(change.could_show)
        );
    }
    text
}

/// Where the curves cross, in a few words: `between 4 and 16 tries`, `none shown`.
pub fn crossing(findings: &Findings) -> String {
    match findings.crossing() {
        Some((before, from)) => format!("between {before} and {}", tries(from)),
        None => NONE_SHOWN.to_owned(),
    }
}

/// What became of the problems: the raw count of these draws, and what of it is beyond chance.
pub fn sets(b: &Boundary, findings: &Findings) -> String {
    let sets = &b.solvable;
    let (gone, new) = (sets.never_solved_again.len(), sets.newly_solved.len());
    let solved = gone + sets.kept.len();
    let most = match b.n.policy {
        [low, high] if low == high => format!("{high}"),
        [low, high] => format!("{low} to {high}"),
    };
    let mut text = match solved {
        0 => "The base solved no problem".to_owned(),
        _ => format!(
            "Of {} that the base solved, {gone} {} {NEVER_SOLVED_AGAIN} in {most} {}",
            plural(solved as u64, "problem"),
            if gone == 1 { "was" } else { "were" },
            if most == "1" { "draw" } else { "draws" },
        ),
    };
    if let Some(found) = findings.lost_or_nearly.filter(|_| !findings.policy_is_base) {
        text += &format!("; {LOST_OR_NEARLY}: {}", set(found));
    }
    text += &format!(". {}: {new}", capitalised(NEWLY_SOLVED));
    if let Some(found) = findings.new_or_nearly.filter(|_| !findings.policy_is_base) {
        text += &format!("; {NEW_OR_NEARLY}: {}", set(found));
    }
    text.push('.');
    text
}

/// `36.1 [33.0, 39.0], by chance 0.0 (p 0.005)`; `none shown (p 0.30)` where chance may be all of it.
pub fn set(found: SetFinding) -> String {
    let SetFinding { shown, expected, null, p } = found;
    match shown {
        true => {
            let Estimate { value, ci_low, ci_high } = expected;
            let [value, low, high] = [value, ci_low, ci_high].map(counted);
            format!("{value} [{low}, {high}], by chance {} (p {})", counted(null), p_value(p))
        }
        false => format!("none shown (p {})", p_value(p)),
    }
}

/// One line about a probe: tries, shares of policy and base, problems gone.
pub fn probe_line(step: u64, b: &Boundary) -> String {
    let rows = b.rows();
    let at = |index: usize| {
        let row = rows.get(index)?;
        let (policy, base) = (short_percent(row.policy.value), short_percent(row.base.value));
        // "Tries" once: the line has to fit 80 columns.
        let tries = if row.k == 1 { "1 try".to_owned() } else { format!("{}:", row.k) };
        Some(format!("  {tries} {policy}% (base {base})"))
    };
    let last = rows.len().checked_sub(1).filter(|last| *last > 0);
    let [first, last] = [at(0), last.and_then(at)].map(Option::unwrap_or_default);
    match b.policy_is_base {
        true => format!("step {step}{first}{last}  policy is base"),
        false => {
            let gone = b.solvable.never_solved_again.len();
            format!("step {step}{first}{last}  {NEVER_SOLVED_AGAIN} {gone}")
        }
    }
}

/// As [`percent`], `100` of all.
fn short_percent(share: f64) -> String {
    let text = percent(share);
    if text == "100.0" { "100".to_owned() } else { text }
}

/// `96 problems, up to 1024 draws each`.
pub fn extent(b: &Boundary) -> String {
    let most = draws(b.n.base, b.n.policy);
    let most = if b.draws.is_some() { format!("up to {most}") } else { most };
    format!("{}, {most} each", plural(b.problems as u64, "problem"))
}

/// The least and the largest k.
fn ends(findings: &Findings) -> Vec<&Change> {
    let first = findings.changes.first();
    let last = findings.changes.last().filter(|_| findings.changes.len() > 1);
    first.into_iter().chain(last).collect()
}

/// `better at 1 to 4 tries`.
fn stretch(s: &Stretch) -> String {
    let at = match s.from == s.to {
        true => tries(s.from),
        false => format!("{} to {}", s.from, tries(s.to)),
    };
    format!("{} at {at}", word(s.shown))
}

/// Whole points, rounded up: less would not have been shown.
fn rounded(share: f64) -> u64 {
    (100.0 * share).ceil() as u64
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
#[path = "../tests/unit/words.rs"]
mod tests;
