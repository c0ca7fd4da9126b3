use super::*;
use crate::reference;

fn values(seed: u32, n: usize) -> Vec<f32> {
    let mix = |i: u32| (i.wrapping_add(seed * 7919).wrapping_mul(0x9E37_79B9) ^ i) >> 8;
    (0..n as u32).map(|i| mix(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn tree(start: usize, root: usize, branches: &[usize]) -> Tree {
    Tree { start, root, branches: branches.to_vec() }
}

/// Rows that a row sees, itself last.
fn history(trees: &[Tree], row: usize) -> Vec<usize> {
    let tree = trees.iter().find(|t| (t.start..t.start + t.rows()).contains(&row)).unwrap();
    let parts: Vec<Stretch> = tree.stretches().collect();
    let at = row - tree.start;
    let part = parts.iter().find(|p| (p.first..p.first + p.len).contains(&at)).unwrap();
    let root = tree.start..tree.start + part.before;
    root.chain(tree.start + part.first..=row).collect()
}

/// All rows' attention in f64, as the formula reads.
fn mixed(heads: GroupedHeads, trees: &[Tree], qkv: &[f64]) -> Vec<f64> {
    let rows = qkv.len() / heads.stride();
    let part =
        |row: usize, columns: &Range<usize>| qkv[row * heads.stride()..][columns.clone()].to_vec();
    let mut out = Vec::new();
    for row in 0..rows {
        let seen = history(trees, row);
        for head in 0..heads.kv_heads {
            let [queries, key, value] = heads.columns(head);
            let keys: Vec<_> = seen.iter().map(|&row| part(row, &key)).collect();
            let values: Vec<_> = seen.iter().map(|&row| part(row, &value)).collect();
            for query in part(row, &queries).chunks(heads.head_dim) {
                let root = (heads.head_dim as f64).sqrt();
                let query: Vec<f64> = query.iter().map(|q| q / root).collect();
                out.extend(reference::attend(&query, &keys, &values));
            }
        }
    }
    out
}

fn batches() -> Vec<(GroupedHeads, Vec<Tree>)> {
    let heads = |kv_heads, group, head_dim| GroupedHeads { kv_heads, group, head_dim };
    let mut all = vec![
        (heads(1, 1, 2), vec![tree(0, 1, &[])]),
        (heads(2, 3, 4), vec![tree(0, 3, &[2, 5, 1]), tree(11, 7, &[]), tree(18, 1, &[1])]),
        // Roots that end inside, at and after the border of a cache block.
        (heads(1, 2, 6), vec![tree(0, PANEL, &[3]), tree(PANEL + 3, PANEL + 2, &[2, PANEL])]),
        // More query rows than a block of them.
        (heads(1, 5, 2), vec![tree(0, 4, &[QUERY_ROWS / 2, 0, 2])]),
    ];
    // The formula of all rows takes minutes interpreted.
    all.truncate(if cfg!(miri) { 2 } else { all.len() });
    all
}

#[test]
fn forward_is_the_formula() {
    for (heads, trees) in batches() {
        let rows: usize = trees.iter().map(Tree::rows).sum();
        let qkv = values(1, rows * heads.stride());
        let mut out = vec![f32::NAN; rows * heads.queries()];
        attend_packed(heads, &trees, &qkv, &mut out).unwrap();
        let wide: Vec<f64> = qkv.iter().map(|&x| f64::from(x)).collect();
        for (found, expect) in out.iter().zip(mixed(heads, &trees, &wide)) {
            // Means of values below 1, with weights within some ulp.
            assert!((f64::from(*found) - expect).abs() < 1e-5, "{found} for {expect}");
        }
    }
}

/// Sharing a beginning changes no bit of what comes after it.
#[test]
fn a_shared_beginning_is_that_of_each_sequence_alone() {
    let heads = GroupedHeads { kv_heads: 2, group: 2, head_dim: 8 };
    let few = if cfg!(miri) { 1 } else { usize::MAX };
    for root in [5, PANEL, PANEL + 9].into_iter().take(few) {
        let (first, second) = (PANEL + 3, 4);
        let rows = root + first + second;
        let (width, stride) = (heads.queries(), heads.stride());
        let qkv = values(2, rows * stride);
        let mut shared = vec![0.0; rows * width];
        attend_packed(heads, &[tree(0, root, &[first, second])], &qkv, &mut shared).unwrap();
        for (start, len) in [(root, first), (root + first, second)] {
            let own = [&qkv[..root * stride], &qkv[start * stride..(start + len) * stride]];
            let mut alone = vec![0.0; (root + len) * width];
            attend_packed(heads, &[tree(0, root + len, &[])], &own.concat(), &mut alone).unwrap();
            assert_eq!(alone[..root * width], shared[..root * width]);
            assert_eq!(alone[root * width..], shared[start * width..(start + len) * width]);
        }
    }
}

#[test]
fn backward_is_that_of_finite_differences() {
    for (heads, trees) in batches() {
        let rows: usize = trees.iter().map(Tree::rows).sum();
        let (qkv, given) = (values(3, rows * heads.stride()), values(4, rows * heads.queries()));
        let mut found = vec![f32::NAN; qkv.len()];
        attend_packed_backward(heads, &trees, &qkv, &given, &mut found).unwrap();

        let mut moved: Vec<f64> = qkv.iter().map(|&x| f64::from(x)).collect();
        // A sample of the entries: each costs two forwards of everything.
        let step = (qkv.len() / if cfg!(miri) { 4 } else { 150 }).max(1);
        for i in (0..qkv.len()).step_by(step) {
            let here = moved[i];
            let mut loss = |value: f64| -> f64 {
                moved[i] = value;
                let mixed = mixed(heads, &trees, &moved);
                mixed.iter().zip(&given).map(|(m, &g)| m * f64::from(g)).sum()
            };
            let expect = (loss(here + 1e-5) - loss(here - 1e-5)) / 2e-5;
            moved[i] = here;
            // Sums over at most 70 rows of products below 1, and f64 differences to 1e-8.
            let error = (f64::from(found[i]) - expect).abs();
            assert!(error < 2e-6 + 1e-5 * expect.abs(), "[{i}]: {} for {expect}", found[i]);
        }
    }
}

#[test]
fn threads_do_not_matter_and_shapes_are_checked() {
    let (heads, trees) = batches().swap_remove(1);
    let rows: usize = trees.iter().map(Tree::rows).sum();
    let (qkv, given) = (values(5, rows * heads.stride()), values(6, rows * heads.queries()));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut out = vec![0.0; qkv.len()];
        pool.install(|| attend_packed_backward(heads, &trees, &qkv, &given, &mut out)).unwrap();
        out.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
    };
    assert_eq!(run(1), run(4));
    let mut out = vec![0.0; given.len()];
    assert!(attend_packed(heads, &trees[1..], &qkv, &mut out).is_err());
    assert!(attend_packed(heads, &trees, &qkv[1..], &mut out).is_err());
    assert!(attend_packed(heads, &trees, &qkv, &mut out[1..]).is_err());
}
