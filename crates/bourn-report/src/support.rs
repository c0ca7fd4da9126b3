//! Support figures of the literature, as tables.

use bourn_probe::Estimate;
use bourn_probe::figures::Support;
use bourn_track::format::{percent, points};
use maud::{Markup, Render, html};

use crate::read::SetRecord;
use crate::section::fold;
use crate::table::{cell, optional, table};

/// The part of the page with the figures of other papers; empty where a run has none.
pub(crate) fn section(set: &SetRecord) -> Markup {
    let Some(s) = &set.last().boundary.support else { return Markup::default() };
    let share = |name: String, base: Estimate, policy: Estimate, delta: Estimate| {
        vec![name.render(), cell(base, percent), cell(policy, percent), cell(delta, points)]
    };
    let cover =
        s.cover.iter().map(|c| share(format!("Cover@{}", c.tau), c.base, c.policy, c.delta));
    let hat = s.pass_hat_k.iter();
    let hat = hat.map(|h| share(format!("pass^{}", h.k), h.base, h.policy, h.delta));
    let shares: Vec<_> = cover.chain(hat).collect();
    let head = ["figure", "base %", "policy %", "difference, points"];
    fold(
        "Figures of other papers: SRR, NDR, SDS, NSCR, Cover, pass^k",
        html! {
            div.pair {
                (table("support figures", &["figure", "value, %"], &rates(s)))
                (table("Cover at thresholds and pass^k", &head, &shares))
            }
            p.note {
                "SRR: share of what the base can solve that the policy still can. NDR: share of what "
                "the policy can solve that is new. SDS: their harmonic mean. NSCR: new less lost, of "
                "all that either can solve. Cover@τ: problems solved with a rate of at least τ. pass^k: "
                "all of k draws right."
            }
        },
    )
}

fn rates(s: &Support) -> Vec<Vec<Markup>> {
    [("SRR", s.srr), ("NDR", s.ndr), ("SDS", s.sds), ("NSCR", s.nscr)]
        .map(|(name, value)| vec![name.render(), optional(value, percent)])
        .into()
}
