//! The optional parts of the figures on the page, the page of hard problems, and what makes both
//! readable.

use std::fs;

use super::tests::{HOSTILE, Place, has};
use super::{read_hard, render_hard};

/// The figures of the sample for the problems of [`Place`], with texts that would break out.
fn with_every_part(place: &Place) {
    for step in [0, 2] {
        let path = place.path(&format!("run/boundary/step-{step:06}-set.json"));
        let read = fs::read_to_string(&path).unwrap();
        let mut figures: bourn_probe::Boundary = serde_json::from_str(&read).unwrap();
        let k = figures.k.len();
        let mut rich = crate::sample::rich();
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

#[test]
fn every_part_that_a_run_has_is_shown_and_none_that_it_lacks() {
    let place = Place::new();
    let parts = [
        "<h3>Solvable sets</h3>",
        "<h3>Where the correct answers came from</h3>",
        "<h3>Temperature</h3>",
        "<h3>Figures of other papers</h3>",
        "extrapolated</text>",
        "P(lost)",
        "any time",
        "lost beyond chance</span>",
    ];
    let plain = place.page(&["run"]);
    for part in parts {
        assert!(!plain.contains(part), "the plain page has {part}");
    }
    with_every_part(&place);
    let page = place.page(&["run"]);
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
    has(&place.page(&["run", "run"]), &["<h4>Lost beyond chance</h4>"]);
}

/// Every element that is opened is closed, and nothing is fetched.
#[track_caller]
fn balanced(page: &str) {
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

#[test]
fn hard_problems_are_on_a_page_of_their_own() {
    let place = Place::new();
    // The base solved 1 of 4 of `kept` and 2 of 4 of `lost`, the policy 4 and 0, and 3 of `gained`.
    let page = |below| {
        let sets = read_hard(&place.path("run"), below).unwrap();
        (render_hard(&sets, below).unwrap(), sets)
    };
    let (html, sets) = page(0.3);
    let ids: Vec<_> = sets[0].problems.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["gained", "kept", "lost"]);
    has(
        &html,
        &[
            "less than 30% of its draws",
            "3 of 3 problems hard",
            "gained, hard for the base",
            "kept, hard for the base",
            "lost, hard for the policy",
            "policy: 3 of 4 correct",
            "&lt;script&gt;alert(&#39;x&#39;)",
            "data-field=\"policy/0/sound\"",
            "<textarea",
        ],
    );
    balanced(&html);
    // One of four is a quarter: not below it; nothing of nothing is.
    let (html, sets) = page(0.25);
    let ids: Vec<_> = sets[0].problems.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["gained", "lost"]);
    assert!(!html.contains("There are none."));
    has(&render_hard(&[], 0.05).unwrap(), &["There are none.", "less than 5% of"]);
    for below in [0.0, -0.1, 5.0, f64::NAN] {
        let error = read_hard(&place.path("run"), below).unwrap_err().to_string();
        assert!(error.contains("no share"), "{error}");
    }
    // Without the base's draws there is nothing to compare, and the page says so.
    fs::remove_file(place.path("run/boundary/base-set.draws.jsonl.zst")).unwrap();
    has(&page(0.3).0, &["without the base&#39;s draws"]);
    let error = read_hard(&place.path("nowhere"), 0.05).unwrap_err().to_string();
    assert!(error.contains("holds no run"), "{error}");
}

#[test]
fn text_can_be_read_on_what_is_under_it() {
    let style = include_str!("style.css");
    let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
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
