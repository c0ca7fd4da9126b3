use burn::tensor::TensorData;

use super::*;
use crate::device::testing::tiny;

fn values(first: f32, count: usize) -> Tensor<2> {
    let values: Vec<f32> = (0..count * 4).map(|i| first + i as f32).collect();
    Tensor::from_data(TensorData::new(values, [count, 4]), &Device::flex())
}

/// Position by position what a layer holds of a row's first value in each of its two heads.
fn first_values(tensor: Tensor<4>, row: usize) -> Vec<[f32; 2]> {
    let [_, heads, length, width] = tensor.dims();
    let all = tensor.narrow(0, row, 1).reshape([heads * length * width]);
    let all = all.try_to_vec_as::<f32>().unwrap();
    (0..length).map(|i| [all[i * width], all[(length + i) * width]]).collect()
}

fn at(positions: &[i32], chunk: usize) -> Tensor<2, Int> {
    let shape = [positions.len() / chunk, chunk];
    Tensor::from_data(TensorData::new(positions.to_vec(), shape), &Device::flex())
}

#[test]
fn what_is_written_is_kept_where_rows_go() {
    let (_, config) = tiny();
    let device = Device::flex();
    let mut link = Link::new(&device);
    // Two prompts of two tokens: of token t and head h the first key is 8 t + 4 h.
    let mut prompts = Lanes::new(&config, 2, 64, &device);
    let places = prompts.places(&at(&[0, 1, 0, 1], 2));
    for layer in 0..2 {
        let first = 100.0 * layer as f32;
        prompts.write(layer, &places, values(first, 8), values(first + 1.0, 8), &mut link);
    }
    let prompts = prompts.split(&mut link);
    assert_eq!(prompts[1].keys[1].dims(), [1, 2, 64, 4]);

    let mut lanes = Lanes::new(&config, 4, 64, &device);
    lanes.place(1..3, &prompts[1], &mut link);
    lanes.place(3..4, &prompts[0], &mut link);
    // Each row goes on where it is.
    let places = lanes.places(&at(&[0, 2, 63, 2], 1));
    lanes.write(1, &places, values(1000.0, 8), values(2000.0, 8), &mut link);
    let check = |lanes: &Lanes, row: usize, expect: [(usize, f32); 3]| {
        let (keys, all_values) = lanes.layer(1);
        let (keys, all_values) = (first_values(keys, row), first_values(all_values, row));
        for (position, first) in expect {
            assert_eq!(keys[position], [first, first + 4.0], "row {row} at {position}");
            let more = if first >= 1000.0 { 1000.0 } else { 1.0 };
            assert_eq!(all_values[position], [first + more, first + 4.0 + more]);
        }
    };
    check(&lanes, 1, [(0, 116.0), (1, 124.0), (2, 1008.0)]);
    check(&lanes, 2, [(0, 116.0), (1, 124.0), (63, 1016.0)]);
    check(&lanes, 3, [(0, 100.0), (1, 108.0), (2, 1024.0)]);
    let (keys, _) = lanes.layer(0);
    assert_eq!(first_values(keys, 3)[..3], [[0.0, 4.0], [8.0, 12.0], [0.0, 0.0]]);

    // Larger, in another order, and smaller again.
    let order = |rows: &[i32]| at(rows, 1).reshape([rows.len()]);
    lanes.resize(&order(&[3, 1, 2]), 8, 128);
    check(&lanes, 0, [(0, 100.0), (1, 108.0), (2, 1024.0)]);
    check(&lanes, 2, [(0, 116.0), (1, 124.0), (63, 1016.0)]);
    let (keys, _) = lanes.layer(1);
    assert_eq!(first_values(keys.clone(), 2)[64..], [[0.0; 2]; 64]);
    assert_eq!(first_values(keys, 7), [[0.0; 2]; 128]);
    lanes.resize(&order(&[1]), 1, 64);
    check(&lanes, 0, [(0, 116.0), (1, 124.0), (2, 1008.0)]);
    assert_eq!(lanes.layer(0).0.dims(), [1, 2, 64, 4]);
}

#[test]
fn tokens_see_themselves_and_what_came_before() {
    let lanes = Lanes::new(&tiny().1, 2, 64, &Device::flex());
    let mask = lanes.mask(&at(&[0, 1, 62, 63], 2));
    assert_eq!(mask.dims(), [2, 1, 1, 2, 64]);
    let mask = mask.reshape([4 * 64]).try_to_vec_as::<f32>().unwrap();
    for (token, position) in [0, 1, 62, 63].into_iter().enumerate() {
        for (column, value) in mask[token * 64..(token + 1) * 64].iter().enumerate() {
            let expect = if column <= position { 0.0 } else { HIDDEN };
            assert_eq!(*value, expect, "{position} of {column}");
        }
    }
}
