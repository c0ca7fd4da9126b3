use super::*;
use crate::sample;

/// Decodes the PNG with the decoder of the `png` crate.
fn pixels(picture: &Picture) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.png)).read_info().unwrap();
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut buffer).unwrap();
    assert_eq!((info.width, info.height), (picture.width, picture.height));
    assert_eq!(info.color_type, png::ColorType::Rgb);
    buffer
}

fn at(pixels: &[u8], (x, y): Point) -> Rgb {
    let i = (y.round() as usize * WIDTH as usize + x.round() as usize) * 3;
    (pixels[i], pixels[i + 1], pixels[i + 2])
}

#[test]
fn points_are_where_the_axes_say() {
    let boundary = sample::boundary();
    let picture = pass_at_k_picture(&boundary);
    let pixels = pixels(&picture);
    let axis = KAxis::new(&boundary.k);
    for (i, &k) in boundary.k.iter().enumerate() {
        // The policy is drawn last, so its colour stands at its own points.
        assert_eq!(at(&pixels, (axis.x(k), y(boundary.policy.pass_at_k[i]))), POLICY, "k = {k}");
        if (boundary.base.pass_at_k[i] - boundary.policy.pass_at_k[i]).abs() > 0.05 {
            assert_eq!(at(&pixels, (axis.x(k), y(boundary.base.pass_at_k[i]))), BASE, "k = {k}");
        }
    }
    assert_eq!(y(0.0), BOTTOM);
    assert_eq!(y(1.0), TOP);
    // Equal factors of k are equal distances.
    let gap = axis.x(2) - axis.x(1);
    assert!((axis.x(256) - axis.x(128) - gap).abs() < 1e-3, "f32 rounding of positions below 900");
}

#[test]
fn whatever_the_figures_there_is_a_picture() {
    let check = |change: &dyn Fn(&mut Boundary)| {
        let mut boundary = sample::boundary();
        change(&mut boundary);
        let picture = pass_at_k_picture(&boundary);
        assert_eq!(pixels(&picture).len(), 900 * 600 * 3);
    };
    check(&|b| b.k.clear());
    check(&|b| b.k.truncate(1));
    check(&|b| b.k = vec![0, 0, u64::MAX]);
    check(&|b| b.k = (0..40).map(|i| 1 << i).collect());
    check(&|b| b.base.ci_low.clear());
    check(&|b| b.policy.pass_at_k.fill(f64::NAN));
    check(&|b| b.policy.pass_at_k.fill(f64::INFINITY));
    check(&|b| b.base.pass_at_k.fill(-3.0));
    check(&|b| b.crossover_k = Some(u64::MAX));
    check(&|b| b.set = Some("名前 \u{0} ".repeat(1000)));
    check(&|b| (b.set, b.sampler) = (None, None));
    check(&|b| b.confidence = f64::NAN);
}

#[test]
fn the_same_figures_are_the_same_picture() {
    assert_eq!(pass_at_k_picture(&sample::boundary()), pass_at_k_picture(&sample::boundary()));
}

#[test]
fn long_text_is_cut() {
    let check = |text: &str, columns, expect: &str| assert_eq!(fit(text, columns), expect);
    check("abcdef", 6, "abcdef");
    check("abcdefg", 6, "abc...");
    check("äöüäöüä", 6, "äöü...");
}
