use super::*;

#[test]
fn hub_ids() {
    let check = |source: &str, expect: Option<(&str, &str)>| {
        let id = HubId::parse(source);
        let found = id.as_ref().map(|id| (id.name.as_str(), id.revision.as_str()));
        assert_eq!(found, expect, "{source}");
    };
    check("Qwen/Qwen2.5-0.5B", Some(("Qwen/Qwen2.5-0.5B", "main")));
    check("org/name@v1.0", Some(("org/name", "v1.0")));
    check("org/name@refs/pr/1", Some(("org/name", "refs/pr/1")));
    for source in [
        "",
        "name",
        "a/b/c",
        "/a/b",
        "./a",
        "../a",
        "a/..",
        "org/name@",
        "org/name@../x",
        "org/name@a//b",
        "o rg/name",
        "org/näme",
        "~/model",
        "org/name@/abs",
    ] {
        check(source, None);
    }
}
