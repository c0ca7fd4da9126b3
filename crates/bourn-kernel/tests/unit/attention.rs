use super::*;
use crate::reference;

fn value(i: usize) -> f32 {
    let mixed =
        (i as u32).wrapping_mul(0x9E37_79B9) ^ (i as u32).wrapping_mul(0x85EB_CA6B).rotate_left(9);
    (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// A cache of `positions` keys and values; what has not been written is NaN, so that reading it
/// shows.
struct Cache {
    layout: HeadLayout,
    offset: usize,
    blocks: Vec<Vec<f32>>,
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

impl Cache {
    fn new(dim: usize, positions: usize) -> Cache {
        let (layout, offset) = (HeadLayout::new(dim), 5);
        let vectors = |seed: usize| -> Vec<Vec<f32>> {
            (0..positions).map(|p| (0..dim).map(|d| value(seed + p * dim + d)).collect()).collect()
        };
        let (keys, values) = (vectors(1_000_000), vectors(2_000_000));
        let block = vec![f32::NAN; offset + layout.block_len() + 3];
        let mut blocks = vec![block; positions.div_ceil(PANEL)];
        for (p, (key, value)) in keys.iter().zip(&values).enumerate() {
            let head = &mut blocks[p / PANEL][offset..offset + layout.block_len()];
            layout.write(head, p % PANEL, key, value).unwrap();
        }
        Cache { layout, offset, blocks, keys, values }
    }

    fn attend(&self, isa: Isa, rows: &[f32], visible: &[usize]) -> Vec<f32> {
        let blocks: Vec<&[f32]> = self.blocks.iter().map(Vec::as_slice).collect();
        let mut out = vec![f32::NAN; rows.len()];
        let queries = Queries { rows, visible };
        let scratch = &mut AttendScratch::default();
        attend_on(isa, self.layout, queries, &blocks, self.offset, scratch, &mut out).unwrap();
        out
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

#[track_caller]
fn check(dim: usize, positions: usize, visible: &[usize]) {
    let cache = Cache::new(dim, positions);
    let rows: Vec<f32> = (0..visible.len() * dim).map(value).collect();
    let keys: Vec<Vec<f64>> = cache.keys.iter().map(|key| wide(key)).collect();
    let values: Vec<Vec<f64>> = cache.values.iter().map(|value| wide(value)).collect();
    let mut fused = Vec::new();
    for isa in Isa::available() {
        let found = cache.attend(isa, &rows, visible);
        for (row, &seen) in visible.iter().enumerate() {
            let query = &rows[row * dim..(row + 1) * dim];
            let found = &found[row * dim..(row + 1) * dim];
            let expect = reference::attend(&wide(query), &keys[..seen], &values[..seen]);
            for (found, expect) in found.iter().zip(&expect) {
                // Scores are sums of `dim` products below 1 in size, so that a weight is off by a
                // factor of at most 1 ± (dim² / 2 + a few) ε; the mixture of values below 1 has a
                // chain of `seen` roundings on top.
                let steps = (dim * dim / 2 + seen + 8) as f64;
                let bound = steps * f64::from(f32::EPSILON);
                assert!((f64::from(*found) - expect).abs() <= bound, "{} {dim}", isa.name());
            }
            // The same bits alone as beside others.
            let alone = cache.attend(isa, query, &[seen]);
            assert_eq!(alone, found, "{}: row {row} of {visible:?}", isa.name());
        }
        if isa.fused() {
            fused.push(found);
        }
    }
    fused.windows(2).for_each(|pair| assert_eq!(pair[0], pair[1]));
}

#[test]
fn equals_the_formula_whatever_stands_beside() {
    // Interpreted, each takes half a minute.
    let few = if cfg!(miri) { 2 } else { usize::MAX };
    for dim in [2, 40, 16, 32, 64, 128].into_iter().take(few) {
        check(dim, 70, &[70]);
    }
    for positions in [1, 33, 2, 31, 32, 64, 65, 200].into_iter().take(few) {
        check(16, positions, &[positions]);
        check(16, positions, &[1, positions]);
    }
    // More rows than a tile, grouped heads of consecutive positions.
    check(16, 67, &[60, 60, 60, 61, 61, 61, 62, 62, 62, 65, 65, 65, 66, 66, 66]);
}

/// What a row does not see cannot reach it, not even as 0 · NaN.
#[test]
fn the_future_is_not_read() {
    let dim = if cfg!(miri) { 4 } else { 40 };
    let mut cache = Cache::new(dim, 70);
    let rows: Vec<f32> = (0..4 * dim).map(value).collect();
    let visible = [62, 63, 64, 65];
    let expect: Vec<_> =
        Isa::available().into_iter().map(|isa| cache.attend(isa, &rows, &visible)).collect();
    let broken = vec![f32::NAN; dim];
    for position in 62..70 {
        let head = &mut cache.blocks[position / PANEL][5..5 + cache.layout.block_len()];
        cache.layout.write(head, position % PANEL, &broken, &broken).unwrap();
        for (isa, expect) in Isa::available().into_iter().zip(&expect) {
            let found = cache.attend(isa, &rows, &visible);
            for (row, &seen) in visible.iter().enumerate() {
                let columns = row * dim..(row + 1) * dim;
                if seen <= 62 {
                    assert_eq!(found[columns.clone()], expect[columns]);
                } else {
                    assert!(found[columns].iter().all(|x| x.is_nan()));
                }
            }
        }
    }
}

#[test]
fn known_mixtures() {
    let layout = HeadLayout::new(2);
    let mut block = vec![f32::NAN; layout.block_len()];
    let mut scratch = AttendScratch::default();
    let mut look = |block: &[f32], query: [f32; 2], seen: usize| {
        let (mut out, queries) = ([0.0; 2], Queries { rows: &query, visible: &[seen] });
        attend(layout, queries, &[block], 0, &mut scratch, &mut out).unwrap();
        out
    };
    layout.write(&mut block, 0, &[1.0, 0.0], &[2.0, -3.0]).unwrap();
    layout.write(&mut block, 1, &[1.0, 5.0], &[4.0, 1.0]).unwrap();
    layout.write(&mut block, 2, &[0.0, 9.0], &[8.0, 8.0]).unwrap();
    // One position: its value. Equal scores: the mean. A score that is far ahead: its value.
    assert_eq!(look(&block, [0.3, 0.4], 1), [2.0, -3.0]);
    assert_eq!(look(&block, [0.5, 0.0], 2), [3.0, -1.0]);
    assert_eq!(look(&block, [0.0, 100.0], 3), [8.0, 8.0]);
}

#[test]
fn wrong_shapes_are_errors() {
    let layout = HeadLayout::new(4);
    let mut block = vec![0.0; layout.block_len()];
    assert!(layout.write(&mut block, PANEL, &[0.0; 4], &[0.0; 4]).is_err());
    assert!(layout.write(&mut block, 0, &[0.0; 3], &[0.0; 4]).is_err());
    assert!(layout.write(&mut block[1..], 0, &[0.0; 4], &[0.0; 4]).is_err());

    let call = |rows: &[f32], visible: &[usize], offset: usize| {
        let (queries, mut out) = (Queries { rows, visible }, vec![0.0; rows.len()]);
        attend(layout, queries, &[&block], offset, &mut AttendScratch::default(), &mut out)
            .map_err(|error| error.to_string())
    };
    assert_eq!(call(&[0.0; 4], &[1], 0), Ok(()));
    let outside = "the number of positions a query sees is 33 where it may be 1 to 32";
    assert_eq!(call(&[0.0; 4], &[33], 0), Err(outside.to_owned()));
    assert!(call(&[0.0; 4], &[0], 0).is_err());
    assert!(call(&[0.0; 3], &[1], 0).is_err());
    assert!(call(&[0.0; 4], &[1], 1).is_err());
    assert!(call(&[0.0; 4], &[1], usize::MAX).is_err());
}
