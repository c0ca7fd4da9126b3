use super::*;

#[track_caller]
fn check(items: &[(&Inputs, usize)], blocks: usize, expect: &[&[(usize, usize)]]) {
    let completion = [0_u32; 4096];
    let items: Vec<ScoreItem<'_>> = items
        .iter()
        .map(|&(prompt, length)| ScoreItem { prompt, completion: &completion[..length] })
        .collect();
    let groups = group_by_prompt(items.iter().map(|item| item.prompt));
    let prompts: Vec<&Inputs> = groups.iter().map(|(prompt, _)| *prompt).collect();
    let trunks = Trunks::new(&prompts);
    let waves = waves(&items, &groups, &trunks, ScoreLimits { blocks, prompts: 2 });
    let found: Vec<&[(usize, usize)]> = waves.iter().map(|wave| &*wave.items).collect();
    assert_eq!(found, expect);
    for wave in &waves {
        for &(item, prompt) in &wave.items {
            assert_eq!(prompts[wave.prompts[prompt]], items[item].prompt);
        }
    }
}

#[test]
fn waves_fit_the_cache_and_keep_equal_prompts_together() {
    let [a, b, c] = &[vec![1, 2], vec![3], vec![4]].map(Inputs::from);
    check(&[], 8, &[]);
    check(&[(a, 0)], 8, &[]);
    check(&[(a, 1), (b, 1), (a, 1)], 8, &[&[(0, 0), (2, 0), (1, 1)]]);
    // Two prompts of one block each, and one block more for each completion of two tokens.
    check(&[(a, 2), (b, 2), (a, 2)], 3, &[&[(0, 0), (2, 0)], &[(1, 0)]]);
    check(&[(a, 2), (b, 2), (a, 2)], 2, &[&[(0, 0)], &[(2, 0)], &[(1, 0)]]);
    // Two prompts' logits at most.
    check(&[(a, 1), (b, 1), (c, 1)], 8, &[&[(0, 0), (1, 1)], &[(2, 0)]]);
    // What two prompts share counts once: two blocks of each are one and its own.
    let [d, e] = &[[[5; 32], [6; 32]].concat(), [[5; 32], [7; 32]].concat()].map(Inputs::from);
    check(&[(d, 1), (e, 1)], 3, &[&[(0, 0), (1, 1)]]);
    check(&[(d, 1), (e, 1)], 2, &[&[(0, 0)], &[(1, 0)]]);
    // A wave ends once it has its tokens.
    check(&[(a, 3000), (a, 3000), (b, 1)], 1000, &[&[(0, 0)], &[(1, 0)], &[(2, 0)]]);
}
