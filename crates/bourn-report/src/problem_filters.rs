//! What the list of problems is searched and filtered by, and what it shows at other checkpoints.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use crate::frames::chosen;
use crate::origins::find_id;
use crate::problems::{ProblemRecord, ProblemStatus};
use crate::read::{ProbedStep, SetRecord};

/// Value and name of the ranges of solve rates; the script knows what each value is.
const RATES: [(&str, &str); 5] = [
    ("", "any rate"),
    ("never", "never solved"),
    ("low", "solved, below 5%"),
    ("middle", "5% to 50%"),
    ("high", "above 50%"),
];

/// Search, statuses and solve rates, with how many problems are shown; they do nothing without
/// JavaScript, and are not there then.
pub(crate) fn filters(problems: &[ProblemRecord], last: u64) -> Markup {
    let of = |status: ProblemStatus| problems.iter().filter(|p| p.status == status).count();
    let all = problems.len();
    html! {
        div.js.filters {
            label { "search " input type="search" placeholder="prompt or answer"; }
            " "
            @for side in ["base", "policy"] {
                label {
                    (side) " "
                    select data-rate=(side) {
                        @for (value, name) in RATES { option value=(value) { (name) } }
                    }
                }
                " "
            }
            output { (all) " of " (all) " shown" }
            br;
            @for status in ProblemStatus::ALL {
                @let class = status.class();
                label {
                    input type="checkbox" value=(class) data-status=(status as u8) checked; " "
                    i.swatch.(class) {} " " span { (status.name()) } " " b { (of(status)) }
                }
                " "
            }
            p.note.moved hidden {
                "Statuses and the policy's posterior rates are of step " b {}
                "; the answers inside are of step " (last) "."
            }
        }
    }
}

/// What became of the listed problems at every checkpoint of the slider, in the order of the list, for
/// the script: `step:statuses:rates:lost:gained`, checkpoints between semicolons. A status is a digit
/// ([`ProblemStatus`]), `-` where the problem was not probed; rates are the policy's posterior means
/// in thousandths, the last two probabilities in percent. `None` of one checkpoint.
pub(crate) fn steps(set: &SetRecord, rows: usize) -> Option<String> {
    let checkpoints = chosen(set);
    if checkpoints.len() < 2 {
        return None;
    }
    let listed = &set.problems[..rows.min(set.problems.len())];
    let texts: Vec<String> = checkpoints.iter().map(|c| step(c, listed)).collect();
    Some(texts.join(";"))
}

fn step(checkpoint: &ProbedStep, listed: &[ProblemRecord]) -> String {
    let b = &checkpoint.boundary;
    let statuses: BTreeMap<&str, ProblemStatus> = ProblemStatus::ALL
        .into_iter()
        .flat_map(|status| status.ids(&b.solvable).iter().map(move |id| (id.as_str(), status)))
        .collect();
    let mut text = format!("{}:", checkpoint.step);
    for problem in listed {
        text.push(match statuses.get(problem.id.as_str()) {
            Some(&status) => char::from(b'0' + status as u8),
            None => '-',
        });
    }
    let known = b.solvability.as_ref().map_or(&[][..], |s| &s.problems);
    let columns: [fn(&bourn_probe::figures::ProblemState) -> f64; 3] = [
        |p| 1000.0 * p.policy_rate.value,
        |p| 100.0 * p.lost_or_nearly,
        |p| 100.0 * p.new_or_nearly,
    ];
    for column in columns {
        text.push(':');
        if known.is_empty() {
            continue;
        }
        for (index, problem) in listed.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            if let Some(state) = find_id(known, &problem.id, |p| &p.id) {
                let _ = write!(text, "{:.0}", column(state));
            }
        }
    }
    text
}

#[cfg(test)]
#[path = "../tests/unit/problem_filters.rs"]
mod tests;
