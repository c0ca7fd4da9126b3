use std::fs;

use super::*;
use crate::ablation::{SweptRun, write_ablation};
use crate::read::read_run;
use crate::run_fixture::{RunFixture, balanced, has, with_every_part};

#[test]
fn the_page_has_the_figures() {
    let page = RunFixture::new().page(&["run"]);
    // pass@1: 3 and 7 of 12; pass@4: 2 of 3 both. Δ_SE = 2/3 − 7/12.
    has(
        &page,
        &[
            "<b>58.3%</b> of the time",
            "frozen base <b>25.0%</b>",
            "<strong>25.0 → 58.3%</strong>",
            "<strong>66.7 → 66.7%</strong>",
            "<strong>+8.3 points</strong>",
            "<strong>1 / 1</strong>",
            "2 of 4 steps, seed 3",
            "1,234 drawn and trained on, 206 a second",
            "<dd>training 6s; probes were not timed</dd>",
            "--max-steps 2</code>",
            "2 probes of 3 problems, 4 draws each of each model; temperature &lt;1&gt;",
            "step 2: newly solved 1",
            "data-step=\"0\" hidden",
            "data-step=\"2\">",
            "prompt of lost &lt;b&gt;",
            "policy on lost",
            "3<small>/4</small>",
            "new_key = 1",
        ],
    );
    for (status, count) in
        [("kept", 1), ("newly solved", 1), ("never solved again", 1), ("neither", 0)]
    {
        has(&page, &[&format!("<span>{status}</span> <b>{count}</b></label>")]);
    }
}

#[test]
fn nothing_of_a_run_becomes_part_of_the_page() {
    let fixture = RunFixture::new();
    let page = fixture.page(&["run"]);
    has(
        &page,
        &[
            "&lt;/pre&gt;&lt;/details&gt;&lt;script&gt;alert('x')",
            r"\u{1b}[2J\u{202e}&quot; onload",
        ],
    );
    has(&page, &["<title>bourn: small &amp; &lt;quick&gt;</title>"]);
    assert!(!page.chars().any(|c| bourn_foreign::is_unseen(c) && c != '\n' && c != '\t'));
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
    let fixture = RunFixture::new();
    fixture.run("other", "other");
    let page = fixture.page(&["run", "other"]);
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
    fixture.run("third", "other");
    has(&fixture.page(&["other", "third"]), &["<a href=\"#run1\">third</a>"]);

    // Another problem in one of them: the page says that they cannot be compared.
    let path = fixture.path("other/boundary/step-000002-set.json");
    let figures =
        fs::read_to_string(&path).unwrap().replace("\"kept\":[\"kept\"]", "\"kept\":[\"new\"]");
    fs::write(&path, figures).unwrap();
    has(&fixture.page(&["run", "other"]), &["probed with different problems"]);

    let runs = vec![read_run(&fixture.path("run")).unwrap(); MAX_RUNS + 1];
    assert!(render_report(&runs[..MAX_RUNS]).is_ok());
    let error = render_report(&runs).unwrap_err().to_string();
    assert_eq!(error, "9 runs: a report shows 1 to 8");
    assert!(matches!(render_report(&[]), Err(ReportError::Runs(0))));
}

#[test]
fn sets_have_sections_of_their_own() {
    let fixture = RunFixture::new();
    let boundary = fixture.path("run/boundary");
    for entry in fs::read_dir(&boundary).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().replace("-set", "-t0.6 <p>");
        fs::copy(&path, boundary.join(name)).unwrap();
    }
    let path = fixture.path("run/metrics.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let line = |line: &str| line.replace("boundary/set", "boundary/t0.6 <p>") + "\n" + line + "\n";
    fs::write(&path, lines.lines().map(line).collect::<String>()).unwrap();
    let page = fixture.page(&["run"]);
    has(&page, &["<h2>set</h2>", "<h2>t0.6 &lt;p&gt;</h2>"]);
    assert_eq!(page.matches("<h4>Training reward</h4>").count(), 1);
    assert_eq!(page.matches("class=\"frames\"").count(), 2);
    has(
        &fixture.page(&["run", "run"]),
        &["checkpoint on set</h3>", "<h4>Δ_SE on t0.6 &lt;p&gt;</h4>"],
    );
}

#[test]
fn every_part_that_a_run_has_is_shown_and_none_that_it_lacks() {
    let fixture = RunFixture::new();
    let parts = [
        "<h3>Solvable sets</h3>",
        "<summary>Where the correct answers came from: ",
        "<summary>Temperature: ",
        "<summary>Figures of other papers: ",
        "extrapolated</text>",
        "data-cell=\"lost\"",
        "<small class=\"any\">at every look ",
        "<span>lost or nearly</span>",
    ];
    let plain = fixture.page(&["run"]);
    for part in parts {
        assert!(!plain.contains(part), "the plain page has {part}");
    }
    with_every_part(&fixture);
    let page = fixture.page(&["run"]);
    has(&page, &parts);
    has(
        &page,
        &[
            // Each checkpoint's essentials stand in the page without JavaScript.
            "<th scope=\"row\">0</th>",
            "<th scope=\"row\">2</th>",
            "posterior rate: base 10.0% [10.0, 10.0], solvable; policy 0%",
            "3 witnesses: 4.00% of the base's draws, 0% of the policy's",
            "perplexity of the &lt;/pre&gt;",
            "<h4>pass@4 by temperature</h4>",
            // 2 × 9,400 of 2 × 24,576 draws.
            "<td>18,800</td><td>49,152</td>",
        ],
    );
    // Two checkpoints of 84,210 each.
    has(&page, &["168,420 tokens scored"]);
    balanced(&page);
    has(&fixture.page(&["run", "run"]), &["<h4>Lost or nearly, less chance</h4>"]);
}

/// What of a page is seen before anything is opened: without what is folded, and without the frames
/// that the slider holds back.
fn seen(page: &str) -> String {
    let mut text = String::new();
    let mut folded = 0usize;
    for part in page.split('<').skip(1) {
        folded += usize::from(part.starts_with("details"));
        let hidden = part.starts_with("figure class=\"frame\"") && part.contains("hidden");
        if folded == 0 && hidden {
            folded = usize::MAX / 2;
        }
        if folded == 0 {
            text += &format!("<{part}");
        }
        match part {
            part if part.starts_with("/details") => folded -= 1,
            part if part.starts_with("/figure") && folded >= usize::MAX / 2 => folded = 0,
            _ => {}
        }
    }
    text
}

#[test]
fn eight_charts_are_open() {
    let fixture = RunFixture::new();
    with_every_part(&fixture);
    let page = fixture.page(&["run"]);
    let (open, all) = (seen(&page).matches("<svg ").count(), page.matches("<svg ").count());
    assert_eq!(open, 8, "of {all}");
    assert!(all > 20, "{all}");
    // The problems are not folded, and on a page of several runs each run is.
    assert!(seen(&page).contains("<h3>Problems</h3>"));
    let several = fixture.page(&["run", "run"]);
    assert!(seen(&several).matches("<svg ").count() <= 8);
}

#[test]
fn a_run_and_its_sweep_link_to_each_other() {
    let fixture = RunFixture::new();
    fixture.run("sweep/runs/a", "a");
    let (sweep, run) = (fixture.path("sweep"), fixture.path("sweep/runs/a"));
    let (page, own) = (sweep.join("report.html"), run.join("report.html"));
    let read = || [read_run(&run).unwrap()];
    let link = "<a href=\"../../report.html\">";
    assert!(!render_report_at(&read(), &own).unwrap().contains(link), "there is no such page yet");
    let swept = SweptRun { variant: "GRPO".into(), seed: 1, directory: run.clone() };
    let a = crate::ablation_sample::sample();
    assert_eq!(write_ablation(&sweep, "s", &[a], &[], &[swept]).unwrap(), page);
    let text = fs::read_to_string(&page).unwrap();
    assert_eq!(text.matches("<a href=").count(), 1);
    has(&text, &["<td><a href=\"runs/a/report.html\">1</a></td>"]);
    has(&fs::read_to_string(&own).unwrap(), &[link]);
    assert!(render_report_at(&read(), &own).unwrap().contains(link));
    // From elsewhere the way is another; a page that may go anywhere has none.
    let elsewhere = render_report_at(&read(), &fixture.path("both.html")).unwrap();
    has(&elsewhere, &["<a href=\"sweep/report.html\">"]);
    assert!(!render_report(&read()).unwrap().contains("<a href="));
}

#[test]
fn text_can_be_read_on_what_is_under_it() {
    let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
    let value = |style: &str, name: &str| {
        let at = style.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("no --{name}"));
        style[at + name.len() + 5..][..6].to_owned()
    };
    // Contrast as WCAG 2.1 defines it; 4.5 is its level AA for text.
    let luminance = |hex: &str| {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    for (theme, name) in [(light, "light"), (dark, "dark")] {
        for (text, ground) in [
            ("ink", "page"),
            ("ink", "panel"),
            ("soft", "page"),
            ("soft", "panel"),
            ("warn", "page"),
            ("right", "panel"),
            ("on-dark", "kept"),
            ("on-dark", "gained"),
            ("on-dark", "lost"),
            ("on-dark", "right"),
            ("on-light", "neither"),
            ("on-light", "unsure"),
        ] {
            let colour = |name: &str| match name {
                "gained" => value(theme, "policy"),
                "lost" => value(theme, "base"),
                name => value(theme, name),
            };
            let (a, b) = (luminance(&colour(text)), luminance(&colour(ground)));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{name}: {text} on {ground} is {contrast:.2}");
        }
    }
}
