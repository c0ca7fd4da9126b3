use super::*;
use crate::sample;
use crate::table::derived_table;

#[test]
fn lines_fit_80_columns() {
    let mut boundary = sample::rich();
    let lines = temperature_lines(&boundary);
    let text = derived_table(&lines);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text, @"
         equal entropy  policy 0.510 nats/token at temperature 1.35, base 0.512 at 0.6
           there        Δpass@1 +26.5 [+23.5, +29.5], Δpass@256 -26.5 [-29.5, -23.5]
         both at 0.6    Δpass@1 +16.5 [+13.5, +19.5], Δpass@256 -36.5 [-39.5, -33.5]
         both at 1      Δpass@1 +21.5 [+18.5, +24.5], Δpass@256 -31.5 [-34.5, -28.5]
        ");

    // The curve of fewer draws ends earlier, and one of no k says so.
    let temperatures = boundary.temperatures.as_mut().unwrap();
    temperatures.grid.truncate(1);
    temperatures.grid[0].delta.truncate(1);
    (temperatures.matched, temperatures.unmatched) = (None, Some("it jumps".to_string()));
    let lines = temperature_lines(&boundary);
    assert_eq!(lines[0], ("equal entropy".to_string(), "not found: it jumps".to_string()));
    assert_eq!(lines.len(), 2);
    assert!(lines[1].1.starts_with("Δpass@1 ") && !lines[1].1.contains(", Δ"), "{lines:?}");
    boundary.temperatures.as_mut().unwrap().grid[0].delta.clear();
    assert_eq!(temperature_lines(&boundary)[1].1, "no figures");
    boundary.temperatures = None;
    assert_eq!(temperature_lines(&boundary), []);
}
