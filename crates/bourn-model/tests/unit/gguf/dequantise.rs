use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

/// Random blocks unpacked by the Python package `gguf`: equal bit for bit.
#[test]
fn as_the_reference_unpacks() {
    let file = include_str!("../../fixtures/gguf/dequantise.json");
    let cases: serde_json::Map<String, serde_json::Value> = serde_json::from_str(file).unwrap();
    for (kind, ..) in Kind::ALL.into_iter().filter(|row| row.0 != Kind::F32) {
        let case = &cases[&format!("{kind:?}")];
        let mut found = Vec::new();
        kind.dequantise(&hex(case["blocks"].as_str().unwrap()), &mut found);
        let expected: Vec<f32> = hex(case["values"].as_str().unwrap())
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        assert_eq!(found.len(), expected.len(), "{kind:?}");
        for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
            assert!(
                f.to_bits() == e.to_bits() || (*f == 0.0 && *e == 0.0),
                "{kind:?} {i}: {f} {e}"
            );
        }
    }
}

/// d = 0.5 (0x3800), m = −1 (0xbc00): numbers worked by hand.
#[test]
fn by_hand() {
    let check = |kind: Kind, head: &[u8], tail: u8, at: usize, expect: f32| {
        let mut block = head.to_vec();
        block.resize(kind.block_bytes(), tail);
        let mut out = Vec::new();
        kind.dequantise(&block, &mut out);
        assert_eq!(out.len(), kind.block_elements(), "{kind:?}");
        assert_eq!(out[at], expect, "{kind:?} at {at}");
    };
    check(Kind::F32, &[], 0, 0, 0.0);
    check(Kind::F16, &[0, 0x38], 0, 0, 0.5);
    check(Kind::BF16, &[0x80, 0xbf], 0, 0, -1.0);
    check(Kind::Q8_0, &[0, 0x38], 0xfe, 31, -1.0);
    check(Kind::Q4_0, &[0, 0x38], 0x9f, 0, 3.5); // low nibble 15: (15−8)/2
    check(Kind::Q4_0, &[0, 0x38], 0x9f, 16, 0.5); // high nibble 9
    check(Kind::Q4_1, &[0, 0x38, 0, 0xbc], 0x9f, 15, 6.5); // 15/2 − 1
    check(Kind::Q5_0, &[0, 0x38, 1, 0, 0, 0], 0x10, 0, 0.0); // fifth bit set: (16−16)/2
    check(Kind::Q5_0, &[0, 0x38, 1, 0, 0, 0], 0x10, 1, -8.0);
    check(Kind::Q5_1, &[0, 0x38, 0, 0xbc, 0, 0, 0, 0x80], 0x10, 31, 7.5); // (1+16)/2 − 1
}
