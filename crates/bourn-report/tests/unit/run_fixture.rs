//! A run directory for tests, and what a page of it must hold.

use std::fs;
use std::path::PathBuf;

use bourn_probe::{Boundary, Draw, Ledger, LedgerKey, boundary, write_ledger};
use bourn_verify::Verdict;
use tempfile::TempDir;

use crate::{read_run, render_report, sample};

pub(crate) const HOSTILE: &str =
    "</pre></details><script>alert('x')</script>\u{1b}[2J\u{202e}\" onload=\"y";

/// A run of three problems with four draws each: `kept`, `lost` and `gained`.
pub(crate) struct RunFixture {
    dir: TempDir,
}

fn draw(correct: bool, text: &str) -> Draw {
    Draw {
        verdict: if correct { Verdict::Correct } else { Verdict::Wrong },
        text: text.to_owned(),
        answer: None,
        tokens: 5,
        logprob: -2.0,
        full_logprob: -2.0,
        entropy: 0.5,
        truncated: false,
        ids: vec![0; 5],
        entropies: vec![0.5; 5],
    }
}

/// Correct draws of the problems `kept`, `lost` and `gained`, of four each.
fn ledger(model: &str, correct: [usize; 3]) -> Ledger {
    let mut ledger = Ledger::new();
    for (id, c) in ["gained", "kept", "lost"].into_iter().zip(correct) {
        let text = |i| if i == 0 { HOSTILE.to_owned() } else { format!("{model} on {id}") };
        let draws = (0..4).map(|i| draw(i < c, &text(i))).collect();
        ledger.insert(id.into(), format!("prompt of {id} <b>"), draws).unwrap();
    }
    ledger
}

fn key() -> LedgerKey {
    let field = || "x".to_owned();
    LedgerKey { weights: field(), sampler: field(), prompt: field(), verifier: field(), seed: 0 }
}

impl RunFixture {
    pub(crate) fn new() -> RunFixture {
        let fixture = RunFixture { dir: tempfile::tempdir().unwrap() };
        fixture.run("run", "small & <quick>");
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a run that was probed at steps 0 and 2.
    pub(crate) fn run(&self, name: &str, recipe: &str) {
        let run = self.path(name);
        fs::create_dir_all(run.join("boundary")).unwrap();
        let toml = format!("name = \"{recipe}\"\nseed = 3\nnew_key = 1\n[train]\nmax_steps = 4\n");
        fs::write(run.join("recipe.toml"), toml).unwrap();
        let base = ledger("base", [0, 1, 2]);
        let mut metrics = String::new();
        for (step, policy) in [(0, [0, 1, 1]), (2, [3, 4, 0])] {
            let policy = ledger("policy", policy);
            let mut figures = boundary(&base, &policy, &Default::default()).unwrap();
            // What runs had before there were parts.
            (figures.paired, figures.solvability, figures.support) = (None, None, None);
            (figures.extrapolation, figures.origins, figures.temperatures) = (None, None, None);
            figures.sampler = Some("temperature <1>".into());
            let stem = format!("boundary/step-{step:06}-set");
            let json = serde_json::to_string(&figures).unwrap();
            fs::write(run.join(format!("{stem}.json")), json).unwrap();
            write_ledger(run.join(format!("{stem}.draws.jsonl.zst")), &key(), &policy).unwrap();
            metrics += &format!("{{\"step\":{step},\"boundary/set/problems\":3.0}}\n");
            if step == 0 {
                metrics += "{\"step\":1,\"train/reward\":0.25,\"train/entropy\":1.5}\n";
                metrics += "{\"step\":2,\"train/reward\":0.75,\"train/entropy\":1.25}\n";
            }
        }
        write_ledger(run.join("boundary/base-set.draws.jsonl.zst"), &key(), &base).unwrap();
        fs::write(run.join("metrics.jsonl"), metrics).unwrap();
        let timing = "{\"step\":1,\"train/step_time\":2.0,\"train/tokens_per_second\":500.0}\n\
            {\"step\":2,\"train/step_time\":4.0,\"train/tokens_per_second\":58.5}\n";
        fs::write(run.join("timing.jsonl"), timing).unwrap();
    }

    pub(crate) fn page(&self, runs: &[&str]) -> String {
        let runs: Vec<_> = runs.iter().map(|run| read_run(&self.path(run)).unwrap()).collect();
        render_report(&runs).unwrap()
    }
}

/// The figures of the sample for the problems of [`RunFixture`], with texts that would break out.
pub(crate) fn with_every_part(fixture: &RunFixture) {
    for step in [0, 2] {
        let path = fixture.path(&format!("run/boundary/step-{step:06}-set.json"));
        let read = fs::read_to_string(&path).unwrap();
        let mut figures: Boundary = serde_json::from_str(&read).unwrap();
        let k = figures.k.len();
        let mut rich = sample::rich();
        let mut paired = rich.paired.unwrap();
        for list in [
            &mut paired.base_band,
            &mut paired.policy_band,
            &mut paired.delta_band,
            &mut paired.delta_nested,
            &mut paired.delta_anytime,
        ] {
            list.truncate(k);
        }
        paired.detectable.truncate(k);
        let solvability = rich.solvability.as_mut().unwrap();
        solvability.base.pass_at_k.truncate(k);
        solvability.policy.pass_at_k.truncate(k);
        solvability.problems.truncate(1);
        solvability.problems[0].id = "kept".into();
        let origins = rich.origins.as_mut().unwrap();
        origins.perplexity[0].of = HOSTILE.into();
        origins.perplexity[0].problems = vec![("kept".into(), 2.5), (HOSTILE.into(), 4.0)];
        origins.witnesses.problems.truncate(1);
        origins.witnesses.problems[0].id = "kept".into();
        let temperatures = rich.temperatures.as_mut().unwrap();
        for point in temperatures.matched.iter_mut().chain(&mut temperatures.grid) {
            for list in [&mut point.base, &mut point.policy, &mut point.delta] {
                list.truncate(k);
            }
        }
        figures.draws = rich.draws;
        figures.paired = Some(paired);
        figures.solvability = rich.solvability;
        figures.support = rich.support;
        figures.extrapolation = rich.extrapolation;
        figures.origins = rich.origins;
        figures.temperatures = rich.temperatures;
        fs::write(&path, serde_json::to_string(&figures).unwrap()).unwrap();
    }
}

#[track_caller]
pub(crate) fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "the page lacks {part}");
    }
}

/// Every element that is opened is closed, and nothing is fetched.
#[track_caller]
pub(crate) fn balanced(page: &str) {
    for tag in ["script", "pre", "details", "div", "table", "svg", "figure", "ul", "article"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        assert!(tag != "script" || opened == 1, "{opened} scripts");
    }
    for part in ["http://", "https://", "src=", "@import", "url(", "onload=\""] {
        assert!(!page.contains(part), "the page has {part}");
    }
    // Every picture says what it shows.
    assert_eq!(page.matches("<svg ").count(), page.matches("role=\"img\" aria-label=\"").count());
    assert!(!page.contains("aria-label=\"\""));
}
