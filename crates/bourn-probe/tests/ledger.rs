//! Ledger files and their store: exact, and never loaded when torn.

mod common;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bourn_probe::{
    Draw, Extent, Ledger, LedgerError, LedgerKey, LedgerStore, Outcomes, StopRule, probe,
    probe_stored, read_ledger, rounded_entropies, write_ledger,
};
use bourn_verify::Verdict;
use common::{Population, draw, key, named, problems};
use proptest::prelude::*;

fn sample(count: usize, n: u64) -> Ledger {
    let mut population = Population::new(1, |_| 0.4);
    probe(&problems(count), &mut population, Extent::Fixed(n), &mut |_| {}).unwrap().ledger
}

/// The files under a directory, however deep, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn unpacked(path: &Path) -> String {
    String::from_utf8(zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()).unwrap()
}

#[test]
fn what_a_file_looks_like() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("l.jsonl.zst");
    let mut ledger = Ledger::new();
    let draws = vec![draw(Verdict::Correct, "3+4"), draw(Verdict::Unparsed, "é\n")];
    ledger.insert("a1".to_owned(), "3 4 -> 7:".to_owned(), draws).unwrap();
    write_ledger(&path, &key("w"), &ledger).unwrap();
    insta::assert_snapshot!(unpacked(&path));
}

#[test]
fn the_same_ledger_is_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| directory.path().join(name));
    let hash = write_ledger(&a, &key("w"), &sample(5, 8)).unwrap();
    assert_eq!(write_ledger(&b, &key("w"), &sample(5, 8)).unwrap(), hash);
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    assert_ne!(write_ledger(&b, &key("v"), &sample(5, 8)).unwrap(), hash);
    assert_eq!(read_ledger(&a).unwrap(), (key("w"), sample(5, 8)));
}

#[test]
fn a_file_cut_anywhere_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.jsonl.zst");
    write_ledger(&path, &key("w"), &sample(2, 3)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = read_ledger(&path).expect_err("a torn file").to_string();
        assert!(error.contains("cut.jsonl.zst"), "{length}: {error}");
    }
    // And with something after it: a second file, or rubbish.
    for more in [&whole[..], b"x"] {
        std::fs::write(&path, [&whole, more].concat()).unwrap();
        assert!(matches!(read_ledger(&path), Err(LedgerError::Damaged { .. })));
    }
}

#[test]
fn a_flipped_bit_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("flip.jsonl.zst");
    let ledger = sample(2, 3);
    write_ledger(&path, &key("w"), &ledger).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, bytes).unwrap();
        // Some bits of the frame's header mean nothing: then the content is what it was.
        match read_ledger(&path) {
            Ok(read) => assert_eq!(read, (key("w"), ledger.clone()), "byte {at}"),
            Err(error) => assert!(error.to_string().contains("flip.jsonl.zst"), "{error}"),
        }
    }
}

#[test]
fn an_edited_line_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("l.jsonl.zst");
    write_ledger(&path, &key("w"), &sample(2, 3)).unwrap();
    let text = unpacked(&path);
    let lines: Vec<&str> = text.lines().collect();
    let check = |lines: &[&str], part: &str| {
        let edited = lines.join("\n") + "\n";
        std::fs::write(&path, zstd::encode_all(edited.as_bytes(), 3).unwrap()).unwrap();
        let error = read_ledger(&path).expect_err(&edited).to_string();
        assert!(error.contains(part), "{error}");
    };
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat();
    check(&without(0), "is no ledger of format bourn-ledger version 2");
    check(&without(1), "a draw outside its problem");
    check(&without(2), "the checksum differs");
    check(&without(3), "a draw out of order");
    check(&without(lines.len() - 1), "it ends too early");
    let replaced = |at: usize, line: &str| {
        let mut lines: Vec<String> = lines.iter().map(|&l| l.to_owned()).collect();
        lines[at] = line.to_owned();
        lines
    };
    for (at, from, to, part) in [
        (0, "\"version\":2", "\"version\":1", "version 2: move it away"),
        (0, "\"seed\":1", "\"seed\":2", "the checksum differs"),
        (2, "wrong", "correct", "the checksum differs"),
        (2, "Wrong", "Right", "the checksum differs"),
        (2, "\"draw\":0", "\"draw\":18446744073709551615", "a draw out of order"),
        (3, "\"draw\":1", "\"draw\":0", "a draw out of order"),
        (2, "\"problem\":\"p0000\"", "\"problem\":\"x\"", "a draw outside its problem"),
        (2, "\"wrong\"", "\"great\"", "unknown variant `great`"),
    ] {
        let at = if lines[at].contains(from) { at } else { at + 1 };
        let edited = replaced(at, &lines[at].replace(from, to));
        check(&edited.iter().map(String::as_str).collect::<Vec<_>>(), part);
    }
}

#[test]
fn files_that_are_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("else");
    let bomb = zstd::encode_all(&vec![b' '; 64 << 20][..], 3).unwrap();
    for content in [&b""[..], b"{}", b"\n", &zstd::encode_all(&b"{}\n"[..], 3).unwrap(), &bomb] {
        std::fs::write(&path, content).unwrap();
        assert!(read_ledger(&path).unwrap_err().to_string().contains("else: "));
    }
    let missing = read_ledger(directory.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("none: opening failed: "), "{missing}");
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut long = Ledger::new();
    let draws = vec![draw(Verdict::Wrong, &"x".repeat(16 << 20))];
    long.insert("a".to_owned(), "A".to_owned(), draws).unwrap();
    let error = write_ledger(directory.path().join("l"), &key("w"), &long).unwrap_err();
    assert_eq!(
        error.to_string(),
        "draw 0 of problem a takes more than 16777216 bytes: a ledger cannot hold it"
    );
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
    let missing = directory.path().join("no/such/l");
    let error = write_ledger(missing, &key("w"), &sample(1, 1)).unwrap_err().to_string();
    assert!(error.contains("no/such: writing in it failed: "), "{error}");
    std::fs::write(directory.path().join("file"), "").unwrap();
    let error = LedgerStore::open(directory.path().join("file")).unwrap_err().to_string();
    assert!(error.contains("file: making it failed: "), "{error}");
}

#[test]
fn a_ledger_holds_what_can_be_averaged() {
    let mut ledger = Ledger::new();
    let mut check = |id: &str, draws, expect: &str| {
        let error = ledger.insert(id.to_owned(), String::new(), draws).map_err(|e| e.to_string());
        assert_eq!(error.err().unwrap_or_default(), expect);
    };
    let good = draw(Verdict::Wrong, "");
    check("a", vec![], "problem a has no draws: a ledger holds problems that were drawn");
    check("a", vec![good.clone()], "");
    check("a", vec![good.clone()], "problem a is in the ledger twice: problem ids must differ");
    let infinite = Draw { logprob: f64::NEG_INFINITY, ..good.clone() };
    check(
        "b",
        vec![good, infinite],
        "draw 1 of problem b has logprob -inf: it must be a finite number",
    );
}

#[test]
fn every_field_of_the_key_counts() {
    let k = key("w");
    let with = |change: fn(&mut LedgerKey)| {
        let mut changed = k.clone();
        change(&mut changed);
        changed.address()
    };
    let addresses = BTreeSet::from([
        k.address(),
        with(|k| k.weights.push('x')),
        with(|k| k.sampler.push('x')),
        with(|k| k.prompt.push('x')),
        with(|k| k.verifier.push('x')),
        with(|k| k.seed += 1),
        // No running together.
        with(|k| std::mem::swap(&mut k.weights, &mut k.sampler)),
        with(|k| k.weights.push_str(&std::mem::take(&mut k.sampler))),
    ]);
    assert_eq!(addresses.len(), 8);
    assert_eq!(k.address().len(), 64);
}

#[test]
fn the_store_names_its_damaged_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path()).unwrap();
    let (problems, ledger) = (problems(3), sample(3, 4));
    let path = store.put(&key("w"), &ledger).unwrap();
    assert_eq!(store.put(&key("w"), &ledger).unwrap(), path, "the same content, the same file");
    assert_eq!(files(directory.path()), std::slice::from_ref(&path), "and nothing unfinished");
    assert_eq!(store.get(&key("w"), named(&problems), Extent::Fixed(4)).unwrap(), Some(ledger));
    assert_eq!(store.get(&key("v"), named(&problems), Extent::Fixed(4)).unwrap(), None);

    // An unfinished file of a killed run is no ledger.
    std::fs::write(path.with_file_name(".ledger-x.tmp"), "half").unwrap();
    assert!(store.get(&key("w"), named(&problems), Extent::Fixed(4)).unwrap().is_some());

    // A file of another key.
    let other = store.put(&key("v"), &sample(3, 4)).unwrap();
    let astray = path.with_file_name("astray.jsonl.zst");
    std::fs::copy(other, &astray).unwrap();
    let error = store.get(&key("w"), named(&problems), Extent::Fixed(4)).unwrap_err();
    assert!(matches!(&error, LedgerError::WrongKey { path } if *path == astray), "{error}");
    std::fs::remove_file(&astray).unwrap();

    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = store.get(&key("w"), named(&problems), Extent::Fixed(4)).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    assert!(error.contains("delete it, and the draws are made again"), "{error}");
}

#[test]
fn draws_that_are_not_reproducible_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path()).unwrap();
    let of = |texts: &[&str], logprob| {
        let mut ledger = Ledger::new();
        let draws = texts.iter().map(|t| Draw { logprob, ..draw(Verdict::Wrong, t) }).collect();
        ledger.insert("a".to_owned(), "A".to_owned(), draws).unwrap();
        ledger
    };
    store.put(&key("w"), &of(&["1", "2"], -1.0)).unwrap();
    // Measured figures may differ by rounding, and the longer one adds its third draw.
    store.put(&key("w"), &of(&["1", "2", "3"], -1.0 - 1e-9)).unwrap();
    let got = store.get(&key("w"), [("a", "A")], Extent::Fixed(3)).unwrap().unwrap();
    let texts: Vec<_> = got.get("a").unwrap().draws().iter().map(|d| d.text.as_str()).collect();
    assert_eq!(texts, ["1", "2", "3"]);
    store.put(&key("w"), &of(&["1", "9"], -1.0)).unwrap();
    let error = store.get(&key("w"), [("a", "A")], Extent::Fixed(3)).unwrap_err().to_string();
    assert!(error.contains("draw 1 of problem a is not what another ledger"), "{error}");
}

#[test]
fn two_runs_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let drawn = AtomicU64::new(0);
    let run = |count: usize, n: u64| {
        let store = LedgerStore::open(directory.path().join("store")).unwrap();
        let mut population = Population::new(1, |_| 0.4);
        let key = key("w");
        let locked = store.lock(&key, &mut |_| {
            std::thread::yield_now();
            ControlFlow::Continue(())
        });
        let (locked, problems) = (locked.unwrap().unwrap(), problems(count));
        let extent = Extent::Fixed(n);
        let probed =
            probe_stored(&locked, &problems, &mut population, extent, &mut |_| {}).unwrap();
        drawn.fetch_add(population.drawn, Ordering::Relaxed);
        probed.ledger
    };
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let run = &run;
            scope.spawn(move || {
                for round in 0..4 {
                    // The same, overlapping and growing requests, all at once.
                    let (count, n) = (2 + worker % 3, 4 + 4 * round);
                    assert_eq!(run(count, n), sample(count, n));
                }
            });
        }
    });
    assert_eq!(run(4, 16), sample(4, 16));
    // Neither corrupted nor redone: every draw was made once.
    assert_eq!(drawn.into_inner(), 4 * 16);
    assert!(
        files(directory.path())
            .iter()
            .all(|f| f.ends_with("lock") || f.to_string_lossy().ends_with(".jsonl.zst"))
    );
}

#[test]
fn a_stopped_ledger_carries_its_rule() {
    let rule = StopRule { successes: 2, n_max: 5 };
    let draws = |list: &[u8]| -> Vec<Draw> {
        let verdict = |d| if d == 1 { Verdict::Correct } else { Verdict::Wrong };
        list.iter().map(|&d| draw(verdict(d), "x")).collect()
    };
    let mut ledger = Ledger::of(Some(rule));
    let mut put = |id: &str, list: &[u8]| {
        let done = ledger.insert(id.to_owned(), id.to_uppercase(), draws(list));
        done.map_err(|e| e.to_string())
    };
    put("a", &[0, 1, 1]).unwrap();
    // What was in flight beyond the stop, and beyond n_max, is cut.
    put("b", &[1, 1, 1, 0]).unwrap();
    put("c", &[0, 1, 0, 0, 0, 1]).unwrap();
    let error = put("d", &[0, 1]).unwrap_err();
    assert!(error.starts_with("problem d: n = 2 and c = 1 reach neither"), "{error}");
    let expect = [("a", 3, 2), ("b", 2, 2), ("c", 5, 1)];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("l.jsonl.zst");
    write_ledger(&path, &key("w"), &ledger).unwrap();
    let (_, back) = read_ledger(&path).unwrap();
    for ledger in [&ledger, &back] {
        assert_eq!((ledger.len(), ledger.rule()), (3, Some(rule)));
        for (id, n, c) in expect {
            let entry = ledger.get(id).unwrap();
            assert_eq!(entry.outcomes(), Outcomes::stopped(n, c, rule).unwrap());
            assert_eq!(entry.draws().len() as u64, n);
        }
    }
    assert_eq!(back, ledger);
    assert!(unpacked(&path).lines().next().unwrap().ends_with(r#","stop":2,"n_max":5}"#));

    // A store's file has no rule, and is not to be taken for a probe whose number was fixed.
    let store = LedgerStore::open(directory.path().join("store")).unwrap();
    let part = store.put(&key("w"), &ledger).unwrap();
    let error = read_ledger(part).unwrap_err();
    assert!(matches!(error, LedgerError::Part { .. }), "{error}");
    let get = |extent| store.get(&key("w"), [("a", "A"), ("c", "C")], extent).unwrap();
    let of = |extent| get(extent).map(|l| l.get("a").unwrap().outcomes().n());
    assert_eq!(of(Extent::Until(rule)), Some(3));
    assert_eq!(of(Extent::new(2, 2)), Some(2));
    assert_eq!(of(Extent::Fixed(3)), Some(3));
    assert_eq!((of(Extent::Fixed(4)), of(Extent::new(5, 3))), (None, None));
}

#[test]
fn rounded_entropies_survive_the_file() {
    // Every value of three decimals below 20 nats, through text and f64 as a reader takes them.
    let all: Vec<f32> = (0..20_000).map(|i| i as f32 / 1000.0 + 2e-5).collect();
    for (i, nats) in rounded_entropies(&all).into_iter().enumerate() {
        let text = serde_json::to_string(&nats).unwrap();
        assert!(text.len() <= 6, "{text}");
        let through: f64 = serde_json::from_str(&text).unwrap();
        assert_eq!(through as f32, nats, "{text}");
        assert!((through - i as f64 / 1000.0).abs() < 1e-9, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Every string and every finite number comes back to the last bit.
    #[test]
    fn round_trip(
        text in any::<String>(),
        prompt in any::<String>(),
        id in any::<String>(),
        figures in (prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
                    prop::num::f64::POSITIVE),
        tokens in any::<u32>(),
        truncated in any::<bool>(),
        answer in any::<Option<String>>(),
        ids in any::<Vec<u32>>(),
        entropies in prop::collection::vec(0.0_f32..20.0, 0..8),
        verdict in prop::sample::select(&Verdict::ALL[..]),
    ) {
        let (logprob, entropy) = figures;
        prop_assume!(entropy.is_finite());
        let draw = Draw {
            verdict,
            answer,
            text,
            tokens,
            logprob,
            full_logprob: logprob,
            entropy,
            truncated,
            ids,
            entropies: rounded_entropies(&entropies),
        };
        let mut ledger = Ledger::new();
        ledger.insert(id, prompt, vec![draw.clone(), draw]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("l");
        write_ledger(&path, &key("w"), &ledger).unwrap();
        let (_, back) = read_ledger(&path).unwrap();
        prop_assert_eq!(&back, &ledger);
        let bits = |l: &Ledger| l.entries().map(|(_, e)| e.draws()[0].logprob.to_bits()).sum::<u64>();
        prop_assert_eq!(bits(&back), bits(&ledger));
    }
}
