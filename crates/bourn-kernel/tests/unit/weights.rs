use super::*;
use crate::reference;

fn stored(weights: &[f32]) -> Vec<f32> {
    let mut packed = PackedMatrix::empty(Storage::Bf16);
    packed.repack(weights.len(), &[(1, weights)]).unwrap();
    let mut row = vec![0.0; weights.len()];
    packed.copy_row(0, &mut row).unwrap();
    row
}

/// 2 to the power of `exponent`, subnormal ones too.
fn power(exponent: i32) -> f32 {
    2.0_f64.powi(exponent) as f32
}

#[test]
fn rounding_worked_by_hand() {
    let (ulp, least) = (power(-7), power(-133));
    let largest = f32::from_bits(0x7F7F_0000);
    for (value, expect) in [
        (0.0, 0.0),
        (1.0, 1.0),
        (-1.5, -1.5),
        // Between two neighbours, to the nearer one.
        (1.0 + 0.4 * ulp, 1.0),
        (1.0 + 0.6 * ulp, 1.0 + ulp),
        (-1.0 - 0.6 * ulp, -1.0 - ulp),
        // Half way, to the even one.
        (1.0 + 0.5 * ulp, 1.0),
        (1.0 + 1.5 * ulp, 1.0 + 2.0 * ulp),
        (1.0 + 0.5 * ulp + power(-23), 1.0 + ulp),
        (2.0 - 0.5 * ulp, 2.0),
        // Below the normal numbers, where the distance of neighbours stays that of the least.
        (power(-149), 0.0),
        (0.5 * least, 0.0),
        (0.5 * least + power(-149), least),
        (1.5 * least, 2.0 * least),
        (power(-126) - power(-149), power(-126)),
        // Above the largest.
        (largest, largest),
        (largest * (1.0 + power(-10)), largest),
        (f32::MAX, f32::INFINITY),
        (f32::MIN, f32::NEG_INFINITY),
        (f32::INFINITY, f32::INFINITY),
        (f32::NEG_INFINITY, f32::NEG_INFINITY),
    ] {
        assert_eq!(stored(&[value]), [expect], "{value:e}");
    }
    assert!(stored(&[-0.0])[0].is_sign_negative());
    // Cut off, the second would be infinite.
    for bits in [0x7FC0_0000, 0x7F80_0001, 0xFFFF_FFFF] {
        assert!(stored(&[f32::from_bits(bits)])[0].is_nan(), "{bits:x}");
    }
}

/// Every kind of number, against a rounding by another way.
#[test]
fn rounding_is_that_of_the_twin() {
    let step = if cfg!(miri) { 12_345_671 } else { 12_347 };
    let values: Vec<f32> = (0..=u32::MAX).step_by(step).map(f32::from_bits).collect();
    for (value, found) in values.iter().zip(stored(&values)) {
        let expect = reference::bf16(*value);
        assert!(found == expect || (found.is_nan() && value.is_nan()), "{value:e}");
    }
}

#[test]
fn memory_is_half() {
    for (outputs, inputs) in [(1, 1), (33, 7), (96, 64)] {
        let weights = vec![1.0; outputs * inputs];
        let bytes = |storage| {
            let mut packed = PackedMatrix::empty(storage);
            assert_eq!(packed.bytes(), 0);
            packed.repack(inputs, &[(outputs, &weights)]).unwrap();
            packed.bytes()
        };
        let values = outputs.div_ceil(PANEL) * PANEL * inputs;
        assert_eq!((bytes(Storage::F32), bytes(Storage::Bf16)), (4 * values, 2 * values));
    }
}

#[test]
fn repacking_keeps_the_storage_and_the_memory() {
    let (old, new) = (vec![1.0 / 3.0; 50 * 11], vec![1.0 / 7.0; 50 * 11]);
    for storage in [Storage::F32, Storage::Bf16] {
        let pack = |weights: &[f32]| {
            let mut packed = PackedMatrix::empty(storage);
            packed.repack(11, &[(50, weights)]).unwrap();
            packed
        };
        let place = |packed: &PackedMatrix| match packed.panel(0) {
            Panel::F32(panel) => panel.as_ptr().addr(),
            Panel::Bf16(panel) => panel.as_ptr().addr(),
        };
        let mut packed = pack(&old);
        let before = place(&packed);
        packed.repack(11, &[(50, &new)]).unwrap();
        assert_eq!(place(&packed), before);
        assert_eq!(packed, pack(&new));
        assert!(packed.repack(11, &[(50, &new[1..])]).is_err());
        assert_eq!(packed, pack(&new));
    }
}
