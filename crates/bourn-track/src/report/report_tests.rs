use std::fs;
use std::path::PathBuf;

use bourn_probe::{Draw, Ledger, LedgerKey, boundary, write_ledger};
use bourn_verify::Verdict;
use tempfile::TempDir;

use super::*;

pub(super) const HOSTILE: &str =
    "</pre></details><script>alert('x')</script>\u{1b}[2J\" onload=\"y";

/// A run of three problems with four draws each: `kept`, `lost` and `gained`.
pub(super) struct Place {
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

impl Place {
    pub(super) fn new() -> Place {
        let place = Place { dir: tempfile::tempdir().unwrap() };
        place.run("run", "small & <quick>");
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a run that was probed at steps 0 and 2.
    fn run(&self, name: &str, recipe: &str) {
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

    pub(super) fn page(&self, runs: &[&str]) -> String {
        let runs: Vec<_> = runs.iter().map(|run| read_run(&self.path(run)).unwrap()).collect();
        render_report(&runs).unwrap()
    }
}

#[track_caller]
pub(super) fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "the page lacks {part}");
    }
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let run = read_run(&Place::new().path("run")).unwrap();
    assert_eq!((run.seed, run.steps, run.max_steps), (3, 2, 4));
    assert_eq!(run.reward, [(1, 0.25), (2, 0.75)]);
    // 2 s × 500 and 4 s × 58.5 tokens.
    assert_eq!(run.cost, Some(Cost { tokens: 1234.0, seconds: 6.0, steps: 2 }));
    let [set] = &run.sets[..] else { panic!("{:?}", run.sets) };
    assert_eq!((set.name.as_str(), set.has_base, set.checkpoints.len()), ("set", true, 2));
    let problems: Vec<_> =
        set.problems.iter().map(|p| (p.id.as_str(), p.status, p.delta().unwrap())).collect();
    // Correct of four: gained 0 → 3, lost 2 → 0, kept 1 → 4.
    assert_eq!(
        problems,
        [
            ("gained", Status::Gained, 0.75),
            ("lost", Status::Lost, -0.5),
            ("kept", Status::Kept, 0.75)
        ]
    );
}

#[test]
fn the_page_has_the_figures() {
    let page = Place::new().page(&["run"]);
    // pass@1: 3 and 7 of 12; pass@4: 2 of 3 both. Δ_SE = 2/3 − 7/12.
    has(
        &page,
        &[
            "<b>58.3%</b> of the time",
            "frozen base, <b>25.0%</b>",
            "<strong>25.0 → 58.3%</strong>",
            "<strong>66.7 → 66.7%</strong>",
            "<strong>+8.3 points</strong>",
            "<strong>1 / 1</strong>",
            "2 of 4 steps, seed 3",
            "1,234 tokens drawn and trained on in 6 s",
            "--max-steps 2</code>",
            "2 probes of 3 problems, 4 draws each of each model; temperature &lt;1&gt;",
            "step 2: gained 1",
            "data-step=\"0\" hidden",
            "data-step=\"2\">",
            "prompt of lost &lt;b&gt;",
            "policy on lost",
            "3<small>/4</small>",
            "new_key = 1",
        ],
    );
    for status in ["kept 1", "gained 1", "lost 1", "neither 0"] {
        has(&page, &[&format!("{status}</label>")]);
    }
}

#[test]
fn nothing_of_a_run_becomes_part_of_the_page() {
    let place = Place::new();
    let page = place.page(&["run"]);
    has(
        &page,
        &["&lt;/pre&gt;&lt;/details&gt;&lt;script&gt;alert(&#39;x&#39;)", "␛[2J&quot; onload"],
    );
    has(&page, &["<title>bourn: small &amp; &lt;quick&gt;</title>"]);
    // The only script is the page's own, and every element that is opened is closed.
    for (tag, count) in [("script", Some(1)), ("pre", None), ("details", None), ("div", None)] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        assert!(count.is_none_or(|count| count == opened), "{tag}: {opened}");
    }
    // Nothing is fetched: no address but that of the page's parts.
    for part in ["http://", "https://", "src=", "@import", "url(", "onload=\""] {
        assert!(!page.contains(part), "the page has {part}");
    }
}

#[test]
fn several_runs_share_charts_and_a_table() {
    let place = Place::new();
    place.run("other", "other");
    let page = place.page(&["run", "other"]);
    has(
        &page,
        &[
            "<h1>2 runs</h1>",
            "the base of all",
            "<a href=\"#run0\">small &amp; &lt;quick&gt;</a>",
            "<a href=\"#run1\">other</a>",
            "<details class=\"run\" id=\"run1\">",
            "<td>1,234</td>",
        ],
    );
    assert!(!page.contains("note warn"));
    // Two of one name are called by their directories.
    place.run("third", "other");
    has(&place.page(&["other", "third"]), &["<a href=\"#run1\">third</a>"]);

    // Another problem in one of them: the page says that they cannot be compared.
    let path = place.path("other/boundary/step-000002-set.json");
    let figures =
        fs::read_to_string(&path).unwrap().replace("\"kept\":[\"kept\"]", "\"kept\":[\"new\"]");
    fs::write(&path, figures).unwrap();
    has(&place.page(&["run", "other"]), &["probed with different problems"]);

    let runs = vec![read_run(&place.path("run")).unwrap(); MAX_RUNS + 1];
    assert!(render_report(&runs[..MAX_RUNS]).is_ok());
    let error = render_report(&runs).unwrap_err().to_string();
    assert_eq!(error, "9 runs: a report shows 1 to 8");
    assert!(matches!(render_report(&[]), Err(ReportError::Runs(0))));
}

#[test]
fn sets_have_sections_of_their_own() {
    let place = Place::new();
    let boundary = place.path("run/boundary");
    for entry in fs::read_dir(&boundary).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().replace("-set", "-t0.6 <p>");
        fs::copy(&path, boundary.join(name)).unwrap();
    }
    let path = place.path("run/metrics.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let line = |line: &str| line.replace("boundary/set", "boundary/t0.6 <p>") + "\n" + line + "\n";
    fs::write(&path, lines.lines().map(line).collect::<String>()).unwrap();
    let page = place.page(&["run"]);
    has(&page, &["<h2>set</h2>", "<h2>t0.6 &lt;p&gt;</h2>"]);
    assert_eq!(page.matches("<h4>Training reward</h4>").count(), 1);
    assert_eq!(page.matches("class=\"frames\"").count(), 2);
    has(
        &place.page(&["run", "run"]),
        &["checkpoint on set</h3>", "<h4>Δ_SE on t0.6 &lt;p&gt;</h4>"],
    );
}

#[test]
fn what_a_run_lacks_is_said_or_is_an_error_with_its_file() {
    let check = |file: &str, change: &dyn Fn(&Path), parts: &[&str]| {
        let place = Place::new();
        change(&place.path("run").join(file));
        let error = read_run(&place.path("run")).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{file}: {error}");
        }
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let halve = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let put = |text: &'static str| move |path: &Path| fs::write(path, text).unwrap();
    check("recipe.toml", &remove, &["holds no run", "recipe.toml"]);
    check("recipe.toml", &put("name = 3"), &["recipe.toml", "string"]);
    check("metrics.jsonl", &remove, &["metrics.jsonl"]);
    check("metrics.jsonl", &put("{\"step\":0}\n{oops\n"), &["metrics.jsonl", "line 2"]);
    check(
        "metrics.jsonl",
        &put("{\"step\":0,\"boundary/../x/problems\":1}\n"),
        &["metrics.jsonl", "../x"],
    );
    check("timing.jsonl", &put("{oops\n"), &["timing.jsonl", "line 1"]);
    check("boundary/step-000000-set.json", &remove, &["step-000000-set.json"]);
    check("boundary/step-000002-set.json", &halve, &["step-000002-set.json", "torn"]);
    let shorter = |path: &Path| {
        let text = fs::read_to_string(path).unwrap().replacen("\"k\":[1,2,4]", "\"k\":[1,2]", 1);
        fs::write(path, text).unwrap();
    };
    check("boundary/step-000002-set.json", &shorter, &["base.pass_at_k", "3 values for 2"]);
    let beyond = |path: &Path| {
        let text = fs::read_to_string(path).unwrap().replacen("0.25", "2.5", 1);
        fs::write(path, text).unwrap();
    };
    check("boundary/step-000002-set.json", &beyond, &["base.pass_at_k", "2.5", "no share"]);
    check("boundary/step-000002-set.draws.jsonl.zst", &remove, &["step-000002-set.draws"]);
    check("boundary/step-000002-set.draws.jsonl.zst", &halve, &["step-000002-set.draws", "torn"]);
    check("boundary/base-set.draws.jsonl.zst", &halve, &["base-set.draws", "torn"]);

    // Without the base's draws, without timing, without probes there is still a page.
    let place = Place::new();
    remove(&place.path("run/boundary/base-set.draws.jsonl.zst"));
    remove(&place.path("run/timing.jsonl"));
    let page = place.page(&["run"]);
    has(&page, &["without the base&#39;s draws", "not recorded"]);
    assert!(!page.contains("tokens/s"));
    fs::write(place.path("run/metrics.jsonl"), "{\"step\":1,\"train/reward\":0.5}\n").unwrap();
    has(&place.page(&["run"]), &["never probed", "Training reward"]);
    // Files of a probe that the metrics do not know are those of a step to be run again.
    assert!(read_run(&place.path("run")).unwrap().sets.is_empty());
}

#[test]
fn only_a_report_is_replaced() {
    let place = Place::new();
    let (page, path) = (place.page(&["run"]), place.path("report.html"));
    write_report(&path, &page).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), page);
    let other = page.replace("seed 3", "seed 4");
    write_report(&path, &other).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), other);

    for mine in ["", "<!DOCTYPE html>\n<p>mine", "notes"] {
        fs::write(&path, mine).unwrap();
        let error = write_report(&path, &page).unwrap_err().to_string();
        assert!(error.contains("report.html") && error.contains("--output"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
    }
    let error = write_report(&place.path("nowhere/report.html"), &page).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
    assert_eq!(fs::read_dir(place.path("")).unwrap().count(), 2, "something was left behind");
}
