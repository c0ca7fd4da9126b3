use std::fs;

use super::*;
use crate::run_fixture::{RunFixture, balanced, has};

#[test]
fn hard_problems_are_on_a_page_of_their_own() {
    let fixture = RunFixture::new();
    // The base solved 1 of 4 of `kept` and 2 of 4 of `lost`, the policy 4 and 0, and 3 of `gained`.
    let page = |below| {
        let sets = read_hard(&fixture.path("run"), below).unwrap();
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
            "&lt;script&gt;alert('x')",
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
        let error = read_hard(&fixture.path("run"), below).unwrap_err().to_string();
        assert!(error.contains("no share"), "{error}");
    }
    // Without the base's draws there is nothing to compare, and the page says so.
    fs::remove_file(fixture.path("run/boundary/base-set.draws.jsonl.zst")).unwrap();
    has(&page(0.3).0, &["without the base's draws"]);
    let error = read_hard(&fixture.path("nowhere"), 0.05).unwrap_err().to_string();
    assert!(error.contains("holds no run"), "{error}");
}
