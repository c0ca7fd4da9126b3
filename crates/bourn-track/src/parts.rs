//! The optional parts of the boundary figures as metrics.

use std::collections::BTreeMap;

use bourn_probe::figures::{
    Extrapolation, Interval, Origins, Paired, PriorFit, ProblemState, SetSizes, Solvability,
    SolvableState, Support, TemperaturePoint, Temperatures,
};
use bourn_probe::{Boundary, Estimate};

use crate::tags::{self, BoundarySide};

/// Scalars by tag, those of one set of problems.
pub(crate) struct Scalars<'a> {
    set: &'a str,
    values: BTreeMap<String, f64>,
}

impl<'a> Scalars<'a> {
    pub(crate) fn new(set: &'a str) -> Self {
        Scalars { set, values: BTreeMap::new() }
    }

    pub(crate) fn finish(self) -> BTreeMap<String, f64> {
        self.values
    }

    /// A number without an interval.
    pub(crate) fn number(&mut self, figure: &str, value: f64) {
        self.values.insert(tags::boundary(self.set, figure), value);
    }

    /// A figure with both ends of its interval.
    pub(crate) fn figure(&mut self, figure: &str, e: Estimate) {
        self.number(figure, e.value);
        self.ends(figure, Interval { low: e.ci_low, high: e.ci_high });
    }

    /// An interval whose figure has a tag of its own.
    fn ends(&mut self, figure: &str, interval: Interval) {
        self.number(&tags::ci_low(figure), interval.low);
        self.number(&tags::ci_high(figure), interval.high);
    }

    fn option(&mut self, figure: &str, e: Option<Estimate>) {
        if let Some(e) = e {
            self.figure(figure, e);
        }
    }

    /// Everything that is there beside the curves and the counts.
    pub(crate) fn parts(&mut self, b: &Boundary) {
        if let Some(draws) = b.draws {
            for (side, spent) in [("base", draws.base), ("policy", draws.policy)] {
                self.number(&format!("{side}/draws/spent"), spent.spent as f64);
                self.number(&format!("{side}/draws/saved"), spent.saved as f64);
            }
        }
        b.paired.iter().for_each(|p| self.paired(&b.k, p));
        b.solvability.iter().for_each(|s| self.solvability(s));
        b.support.iter().for_each(|s| self.support(s));
        b.extrapolation.iter().for_each(|e| self.extrapolation(e));
        b.origins.iter().for_each(|o| self.origins(o));
        b.temperatures.iter().for_each(|t| self.temperatures(&b.k, t));
    }

    fn paired(&mut self, k: &[u64], p: &Paired) {
        for (name, list) in [
            ("base_band", &p.base_band),
            ("policy_band", &p.policy_band),
            ("delta_band", &p.delta_band),
            ("delta_nested", &p.delta_nested),
            ("delta_anytime", &p.delta_anytime),
        ] {
            for (k, &interval) in k.iter().zip(list) {
                self.ends(&format!("{name}/pass@{k}"), interval);
            }
        }
        for (k, &value) in k.iter().zip(&p.detectable) {
            self.number(&format!("detectable/pass@{k}"), value);
        }
        self.number("look", p.look as f64);
        self.number("mcnemar_p", p.mcnemar.p_value);
        // An end that is "no crossover" has no tag.
        for (end, k) in [("ci_low", p.crossover.low), ("ci_high", p.crossover.high)] {
            if let Some(k) = k {
                self.number(&format!("crossover_k/{end}"), k as f64);
            }
        }
        self.number("crossover_share", p.crossover.share);
    }

    fn solvability(&mut self, s: &Solvability) {
        for (name, sizes) in [("expected", &s.expected), ("null", &s.null), ("excess", &s.excess)] {
            let SetSizes { kept, new_or_nearly, lost_or_nearly, neither } = *sizes;
            for (set, e) in [
                ("kept", kept),
                ("new_or_nearly", new_or_nearly),
                ("lost_or_nearly", lost_or_nearly),
                ("neither", neither),
            ] {
                self.figure(&format!("solvable/{name}/{set}"), e);
            }
        }
        self.number("solvable/epsilon", s.epsilon);
        self.number("solvable/p_lost", s.p_lost);
        self.number("solvable/p_gained", s.p_gained);
        for (side, fit) in [("base", &s.base), ("policy", &s.policy)] {
            self.prior(side, fit);
            for (name, state) in [
                ("solvable", SolvableState::Solvable),
                ("undetermined", SolvableState::Undetermined),
                ("not_detected", SolvableState::NotDetected),
            ] {
                let is = |p: &&ProblemState| match side {
                    "base" => p.base == state,
                    _ => p.policy == state,
                };
                let count = s.problems.iter().filter(is).count();
                self.number(&format!("{side}/states/{name}"), count as f64);
            }
        }
    }

    fn prior(&mut self, side: &str, fit: &PriorFit) {
        for (name, value) in [
            ("zero", fit.zero),
            ("alpha", fit.alpha),
            ("beta", fit.beta),
            ("p_value", fit.p_value),
            ("unsolved_expected", fit.unsolved_expected),
            ("unsolved_observed", fit.unsolved_observed),
        ] {
            self.number(&format!("{side}/prior/{name}"), value);
        }
    }

    fn support(&mut self, s: &Support) {
        for (name, e) in [("srr", s.srr), ("ndr", s.ndr), ("sds", s.sds), ("nscr", s.nscr)] {
            self.option(&format!("support/{name}"), e);
        }
        for c in &s.cover {
            self.sides(&format!("cover@{}", c.tau), [c.base, c.policy, c.delta]);
        }
        for h in &s.pass_hat_k {
            self.sides(&format!("pass^{}", h.k), [h.base, h.policy, h.delta]);
        }
    }

    fn sides(&mut self, figure: &str, values: [Estimate; 3]) {
        for (side, e) in
            [BoundarySide::Base, BoundarySide::Policy, BoundarySide::Delta].into_iter().zip(values)
        {
            self.figure(&format!("{figure}/{}", side.name()), e);
        }
    }

    fn extrapolation(&mut self, x: &Extrapolation) {
        // A side whose fit was refuted has no curve.
        for (side, list) in [("base", &x.base), ("policy", &x.policy)] {
            self.curve(&x.k, &format!("extrapolated/{side}"), list);
        }
        if let Some(g) = &x.good_toulmin {
            self.figure(&format!("good_toulmin/base/pass@{}", g.k), g.base);
            self.figure(&format!("good_toulmin/policy/pass@{}", g.k), g.policy);
        }
    }

    fn origins(&mut self, o: &Origins) {
        for p in &o.perplexity {
            self.figure(&tags::perplexity(&p.under, &p.of, p.correct), p.pooled);
        }
        self.number("witnesses", o.witnesses.count as f64);
        self.figure("witness_mass/base", o.witnesses.base_mass);
        self.figure("witness_mass/policy", o.witnesses.policy_mass);
        self.number("discoveries", o.discoveries.count as f64);
        self.figure("discovery_mass/base", o.discoveries.base_mass);
        self.option("outside_nucleus", o.discoveries.outside);
        if let Some(pooled) = &o.pooled {
            self.number("pooled/base", pooled.base_used as f64);
            self.number("pooled/policy", pooled.policy_used as f64);
        }
        self.figure("base/answer_entropy", o.base_answer_entropy);
        self.figure("policy/answer_entropy", o.policy_answer_entropy);
        for e in &o.token_entropy {
            self.number(&format!("base/entropy/q{}", e.q), e.base);
            self.number(&format!("policy/entropy/q{}", e.q), e.policy);
        }
        self.number("rarely_solved", o.rarely_solved.len() as f64);
        if let Some(g) = &o.guesses {
            self.figure("guesses/rate", g.rate);
            self.number("guesses/guessable", g.guessable.len() as f64);
        }
    }

    fn temperatures(&mut self, k: &[u64], t: &Temperatures) {
        if let Some(point) = &t.matched {
            self.number("matched/base/temperature", point.base_temperature);
            self.number("matched/policy/temperature", point.policy_temperature);
            self.number("matched/base/entropy", point.base_entropy);
            self.number("matched/policy/entropy", point.policy_entropy);
            self.point(k, "matched", point);
        }
        for point in &t.grid {
            // Each model under its own temperature; the difference where there is one to name.
            let (base, policy) = (point.base_temperature, point.policy_temperature);
            self.number(&format!("temperature/{base}/base/entropy"), point.base_entropy);
            self.number(&format!("temperature/{policy}/policy/entropy"), point.policy_entropy);
            if base == policy {
                self.point(k, &format!("temperature/{base}"), point);
            } else {
                self.curve(k, &format!("temperature/{base}/base"), &point.base);
                self.curve(k, &format!("temperature/{policy}/policy"), &point.policy);
            }
        }
    }

    fn point(&mut self, k: &[u64], name: &str, point: &TemperaturePoint) {
        for (side, list) in
            [("base", &point.base), ("policy", &point.policy), ("delta", &point.delta)]
        {
            self.curve(k, &format!("{name}/{side}"), list);
        }
    }

    fn curve(&mut self, k: &[u64], name: &str, list: &[Estimate]) {
        for (k, &e) in k.iter().zip(list) {
            self.figure(&format!("{name}/pass@{k}"), e);
        }
    }
}

/// The histograms of the parts, as figure and values, none of them empty: every problem's perplexity
/// and its probabilities of being lost or nearly and new or nearly. Values that are not finite are
/// left out.
pub(crate) fn histograms(b: &Boundary) -> Vec<(String, Vec<f64>)> {
    let mut list: Vec<(String, Vec<f64>)> = Vec::new();
    if let Some(s) = &b.solvability {
        let lost = s.problems.iter().map(|p| p.lost_or_nearly).collect();
        let gained = s.problems.iter().map(|p| p.new_or_nearly).collect();
        list.push(("solvable/lost_or_nearly_probability".into(), lost));
        list.push(("solvable/new_or_nearly_probability".into(), gained));
    }
    for p in b.origins.iter().flat_map(|o| &o.perplexity) {
        let figure = tags::perplexity(&p.under, &p.of, p.correct) + "/problems";
        list.push((figure, p.problems.iter().map(|(_, value)| *value).collect()));
    }
    for (_, values) in &mut list {
        values.retain(|value: &f64| value.is_finite());
    }
    list.retain(|(_, values)| !values.is_empty());
    list
}
