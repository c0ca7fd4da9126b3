//! Looking after a store: what it holds, what is wrong with it, what may go.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use bourn_probe::{
    Extent, LedgerError, LedgerKey, LedgerStore, StoreSweep, Why, probe, probe_stored,
};
use common::{Population, key, lock, problems};

/// A store in which `w` was drawn three times, each time further, and `v` once.
fn place() -> (tempfile::TempDir, LedgerStore, LedgerKey, LedgerKey) {
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path()).unwrap();
    let (w, v) = (key("w"), key("v"));
    for (key, count, n) in [(&w, 3, 4), (&w, 5, 4), (&w, 5, 9), (&v, 2, 6)] {
        draw(&store, key, count, n);
    }
    (directory, store, w, v)
}

/// Draws through the store; how many were made.
fn draw(store: &LedgerStore, key: &LedgerKey, count: usize, n: u64) -> u64 {
    let mut population = Population::new(1, |_| 0.4);
    let locked = lock(store, key);
    let extent = Extent::Fixed(n);
    let probed = probe_stored(&locked, &problems(count), &mut population, extent, &mut |_| {});
    let fresh = probe(&problems(count), &mut Population::new(1, |_| 0.4), extent, &mut |_| {});
    let probed = probed.unwrap();
    assert_eq!(probed.ledger, fresh.unwrap().ledger);
    probed.made
}

fn files(store: &tempfile::TempDir, key: &LedgerKey) -> Vec<PathBuf> {
    let listed = fs::read_dir(store.path().join(key.address())).unwrap();
    let mut all: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| !path.ends_with("lock"));
    all.sort();
    all
}

#[test]
fn what_a_store_holds() {
    let (directory, store, w, v) = place();
    let holdings = store.holdings().unwrap();
    let mut found: Vec<_> = holdings
        .iter()
        .map(|h| (h.key.clone().unwrap(), h.problems, h.draws, h.files, h.damage.len()))
        .collect();
    found.sort();
    assert_eq!(found, [(v.clone(), 2, 12, 1, 0), (w.clone(), 5, 45, 3, 0)]);
    for holding in &holdings {
        let key = holding.key.as_ref().unwrap();
        assert_eq!(holding.address, key.address());
        let sizes: u64 =
            files(&directory, key).iter().map(|f| fs::metadata(f).unwrap().len()).sum();
        assert_eq!(holding.bytes, sizes);
        let written = fs::metadata(directory.path().join(&holding.address).join("lock")).unwrap();
        assert_eq!(holding.last_use, Some(written.modified().unwrap()));
    }
}

#[test]
fn damage_is_found_and_left_alone() {
    let (directory, store, w, v) = place();
    let torn = files(&directory, &w)[1].clone();
    let bytes = fs::read(&torn).unwrap();
    fs::write(&torn, &bytes[..bytes.len() - 5]).unwrap();
    // A whole file in another key's directory.
    let astray = directory.path().join(w.address()).join("astray.jsonl.zst");
    fs::copy(&files(&directory, &v)[0], &astray).unwrap();
    let holdings = store.holdings().unwrap();
    let of = |key: &LedgerKey| holdings.iter().find(|h| h.address == key.address()).unwrap();
    assert!(of(&v).damage.is_empty());
    // In name order, in which a hash may come first or last.
    let mut damage: Vec<String> = of(&w).damage.iter().map(ToString::to_string).collect();
    damage.sort_by_key(|text| text.contains("astray"));
    let [damaged, wrong] = &damage[..] else { panic!("{damage:?}") };
    assert!(damaged.contains(&torn.display().to_string()), "{damaged}");
    let expect = LedgerError::WrongKey { path: astray }.to_string();
    assert_eq!(*wrong, expect);

    let before = files(&directory, &w);
    let sweeping = store.sweep(&StoreSweep::default()).unwrap();
    assert_eq!((sweeping.swept.len(), sweeping.damage.len()), (0, 2));
    assert_eq!(files(&directory, &w), before);
}

#[test]
fn a_sweep_merges_and_loses_no_draw() {
    let (directory, store, w, v) = place();
    // What a killed run left, and what an older version wrote.
    let of_w = directory.path().join(w.address());
    fs::write(of_w.join(".ledger-abc.tmp"), "half").unwrap();
    let old = b"{\"kind\":\"header\",\"format\":\"bourn-ledger\",\"version\":1}\n";
    fs::write(of_w.join("old.jsonl.zst"), zstd::encode_all(&old[..], 3).unwrap()).unwrap();
    fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    let holdings = store.holdings().unwrap();
    let holding = holdings.iter().find(|h| h.address == w.address()).unwrap();
    assert_eq!((holding.outdated.len(), holding.damage.len()), (1, 0));

    let before = files(&directory, &w);
    let dry = store.sweep(&StoreSweep { dry_run: true, ..StoreSweep::default() }).unwrap();
    let count = |why| dry.swept.iter().filter(|swept| swept.why == why).count();
    assert_eq!((count(Why::Unfinished), count(Why::Outdated), count(Why::Merged)), (1, 1, 3));
    assert_eq!((dry.swept.len(), dry.written), (5, 0));
    assert_eq!(files(&directory, &w), before, "a dry run changes nothing");

    let swept = store.sweep(&StoreSweep::default()).unwrap();
    assert_eq!(swept.swept, dry.swept);
    let [merged] = &files(&directory, &w)[..] else { panic!("{:?}", files(&directory, &w)) };
    assert_eq!(fs::metadata(merged).unwrap().len(), swept.written);
    assert_eq!((files(&directory, &v).len(), draw(&store, &w, 5, 9)), (1, 0));
    assert!(directory.path().join("notes.txt").exists());
    // Nothing is left to do.
    assert_eq!(store.sweep(&StoreSweep::default()).unwrap().swept, []);
    assert_eq!(draw(&store, &w, 5, 10), 5);
}

/// Written by version 0.1.0: the key's fields as they were, and the directory that its hash gave.
#[test]
fn keys_of_an_older_format_are_named_and_dropped() {
    let (directory, store, w, _) = place();
    let old = directory.path().join(OLD_ADDRESS);
    fs::rename(directory.path().join(w.address()), &old).unwrap();
    let holdings = store.holdings().unwrap();
    let holding = holdings.iter().find(|h| h.address == OLD_ADDRESS).unwrap();
    assert_eq!((holding.superseded.len(), holding.damage.len()), (holding.files, 0));
    assert_eq!((holding.key.as_ref(), holding.draws), (Some(&w), 0));
    let swept = store.sweep(&StoreSweep::default()).unwrap().swept;
    let superseded = swept.iter().filter(|swept| swept.why == Why::Superseded);
    assert_eq!(superseded.count(), holding.files);
    assert!(
        !old.read_dir().unwrap().any(|e| e.unwrap().path().to_string_lossy().ends_with(".zst"))
    );
    // No run finds what was there: it draws again.
    assert_eq!(draw(&store, &w, 1, 1), 1);
}

const OLD_ADDRESS: &str = "78d1c887e155a3366de8c28f2ddf96e61b2546f63596f5fba3a857f7d7f4e394";

#[test]
fn who_draws_clears_up_what_a_killed_run_left_half_written() {
    let (directory, store, w, v) = place();
    let [own, other] = [&w, &v].map(|key| directory.path().join(key.address()));
    for path in [own.join(".ledger-ab.tmp"), own.join(".clock-cd"), own.join(".DS_Store")] {
        fs::write(path, "half").unwrap();
    }
    // That may be at work.
    fs::write(other.join(".ledger-ab.tmp"), "half").unwrap();
    let whole = files(&directory, &w).len() - 2;
    drop(lock(&store, &w));
    assert_eq!(files(&directory, &w).len(), whole);
    assert!(own.join(".DS_Store").exists() && other.join(".ledger-ab.tmp").exists());
}

#[test]
fn what_is_in_use_or_used_lately_stays() {
    let (directory, store, w, v) = place();
    let sweep = StoreSweep { unused_for: Some(Duration::ZERO), dry_run: false };
    let locked = lock(&store, &w);
    // A second run would wait, and is told for what.
    let mut waits = 0;
    let second = store.lock(&w, &mut |path| {
        assert_eq!(path, directory.path().join(w.address()).join("lock"));
        waits += 1;
        if waits < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(second.unwrap().is_none() && waits == 3);
    let hour = StoreSweep { unused_for: Some(Duration::from_secs(3600)), dry_run: false };
    assert!(store.sweep(&hour).unwrap().swept.iter().all(|swept| swept.why == Why::Merged));
    let sweeping = store.sweep(&sweep).unwrap();
    assert_eq!(sweeping.in_use, [w.address()]);
    assert_eq!(
        (files(&directory, &w).len(), directory.path().join(v.address()).exists()),
        (3, false)
    );
    drop(locked);
    assert_eq!(store.sweep(&sweep).unwrap().swept.len(), 3);
    assert_eq!(store.holdings().unwrap().len(), 0);
    // And drawn again.
    assert_eq!(draw(&store, &v, 2, 6), 12);
}
