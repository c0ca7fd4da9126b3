use super::*;

#[test]
fn the_page_has_every_part_and_lets_nothing_out() {
    let a = crate::ablation_sample::sample();
    let failed = FailedRun {
        variant: "<i>".into(),
        seed: 3,
        problem: "the loss is NaN".into(),
        log: "logs/x".into(),
    };
    let page = render_ablation("a <sweep>", &[a.clone(), a], &[failed]);
    for part in [
        "<h1>a &lt;sweep&gt;</h1>",
        "PPO, &quot;own&quot; | &lt;b&gt;",
        "-5.0 [-9.0, -1.0]",
        "Failed runs",
        "&lt;i&gt;",
        "the loss is NaN",
        "GRPO, mean",
        "algorithm.name = x",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<b>") && !page.contains("<i>") && !page.contains("NaN,"));
    assert!(render_ablation("s", &[], &[]).contains("No run has finished"));
}
