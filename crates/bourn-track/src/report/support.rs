//! Support figures of the literature, as tables.

use bourn_probe::figures::Support;

use super::read::SetRecord;
use super::table::{cell, optional, table};
use crate::format::{percent, points};

/// The part of the page with the figures of other papers; empty where a run has none.
pub(super) fn section(set: &SetRecord) -> String {
    let Some(s) = &set.last().boundary.support else { return String::new() };
    let rates = table("support figures", &["figure", "value, %"], &rates(s));
    let mut shares: Vec<Vec<String>> = Vec::new();
    for c in &s.cover {
        let name = format!("Cover@{}", c.tau);
        shares.push(vec![
            name,
            cell(c.base, percent),
            cell(c.policy, percent),
            cell(c.delta, points),
        ]);
    }
    for h in &s.pass_hat_k {
        let name = format!("pass^{}", h.k);
        shares.push(vec![
            name,
            cell(h.base, percent),
            cell(h.policy, percent),
            cell(h.delta, points),
        ]);
    }
    let head = ["figure", "base %", "policy %", "difference, points"];
    let shares = table("Cover at thresholds and pass^k", &head, &shares);
    format!(
        "<h3>Figures of other papers</h3>\n<div class=\"pair\">{rates}{shares}</div>\n\
         <p class=\"note\">SRR: share of what the base can solve that the policy still can. NDR: share of \
         what the policy can solve that is new. SDS: their harmonic mean. NSCR: gained less lost, of \
         all that either can solve. Cover@τ: problems solved with a rate of at least τ. pass^k: all \
         of k draws right.</p>\n"
    )
}

fn rates(s: &Support) -> Vec<Vec<String>> {
    [("SRR", s.srr), ("NDR", s.ndr), ("SDS", s.sds), ("NSCR", s.nscr)]
        .map(|(name, value)| vec![name.to_owned(), optional(value, percent)])
        .into()
}
