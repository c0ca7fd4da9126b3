//! Files of a run that somebody or something has changed: each change is named by the command that reads
//! the file, or it changes nothing that a run says or leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::Rng;

use crate::support::{Place, copy, files, text};
use crate::{asked, rng, short, with_whole};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tampering {
    FlipABit,
    Cut,
    Empty,
    PutAnOlder,
    Delete,
}

const ALL: [Tampering; 5] = [
    Tampering::FlipABit,
    Tampering::Cut,
    Tampering::Empty,
    Tampering::PutAnOlder,
    Tampering::Delete,
];

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// A command failed and named the file.
    Error,
    /// A command warned and named the file.
    Warning,
    /// Nothing that is a result was changed.
    Nothing,
}

/// The file whose content an older one may have: of an earlier probe, checkpoint or run.
fn older(name: &str, older_run: &Path, run: &Path) -> std::path::PathBuf {
    match name {
        "metrics.jsonl" | "timing.jsonl" | "recipe.toml" => older_run.join(name),
        name => run
            .join(name.replace("step-000002", "step-000001").replace("step-000000", "step-000001")),
    }
}

/// Changes the file; `false` where that leaves it as it was.
fn tamper(path: &Path, how: Tampering, older: &Path, rng: &mut impl Rng) -> bool {
    let was = fs::read(path).unwrap();
    let now = match how {
        Tampering::FlipABit => {
            let mut bytes = was.clone();
            if let Some(at) = (!bytes.is_empty()).then(|| rng.random_range(0..bytes.len())) {
                bytes[at] ^= 1 << rng.random_range(0..8);
            }
            Some(bytes)
        }
        Tampering::Cut => Some(was[..rng.random_range(0..=was.len())].to_vec()),
        Tampering::Empty => Some(Vec::new()),
        Tampering::PutAnOlder => fs::read(older).ok(),
        Tampering::Delete => None,
    };
    match now {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None if how == Tampering::Delete => fs::remove_file(path).unwrap(),
        None => return false,
    }
    fs::read(path).ok() != Some(was)
}

/// A run's output without what the clock says.
fn result(stdout: &str) -> String {
    stdout.lines().filter(|line| !line.contains("time ")).collect::<Vec<_>>().join("\n")
}

/// Files of a run that are results, or that a run goes on from: the lock is empty and its content never
/// looked at.
fn left(run: &Path) -> Vec<(String, Vec<u8>)> {
    files(run).into_iter().filter(|(name, _)| name != ".lock").collect()
}

struct Campaign<'a> {
    place: &'a Place,
    /// What a run leaves that nobody tampered with.
    whole: Vec<(String, Vec<u8>)>,
    /// What a whole one says when it is shown again, and a stopped one when it is gone on with.
    said: BTreeMap<&'static str, String>,
}

impl Campaign<'_> {
    /// What comes of a run that was tampered with, when it is gone on with and shown.
    fn outcome(&self, from: &str, name: &str) -> Result<Outcome, String> {
        let file = Path::new(name).file_name().unwrap().to_string_lossy().into_owned();
        let older_checkpoint = name.starts_with("checkpoints/step-000001");
        let resumed = self.place.bourn(&short("run", &["--resume"]));
        let mut commands = vec![resumed];
        if commands[0].status.success() {
            commands.push(self.place.bourn(&["report", "run"]));
            // An older checkpoint is read by whoever asks for it.
            if older_checkpoint {
                let args = ["probe", "--run", "run", "--checkpoint", "1"];
                commands.push(self.place.bourn(&args));
            }
        }
        let said: String = commands.iter().map(|command| text(&command.stderr)).collect();
        if said.contains("panicked") {
            return Err(said);
        }
        let failed = commands.iter().any(|command| !command.status.success());
        match (failed, said.contains(&file)) {
            (true, true) => return Ok(Outcome::Error),
            (true, false) => return Err(format!("an error that does not name it: {said}")),
            (false, true) if said.contains("warning: ") => return Ok(Outcome::Warning),
            (false, _) => {}
        }
        let now = left(&self.place.path("run"));
        let pairs = |files: &[(String, Vec<u8>)]| files.iter().cloned().collect::<BTreeMap<_, _>>();
        let (was, now) = (pairs(&self.whole), pairs(&now));
        let differs: Vec<&String> =
            was.keys().chain(now.keys()).filter(|name| was.get(*name) != now.get(*name)).collect();
        let ended = text(&commands[0].stdout);
        match differs.is_empty() && result(&ended) == self.said[from] {
            true => Ok(Outcome::Nothing),
            false => Err(format!("{differs:?} differ and nobody says so: {said}")),
        }
    }
}

#[test]
fn what_is_not_as_it_was_written_is_named_or_changes_nothing() {
    let place = with_whole(&[]);
    place.ok(&short("stopped", &["--max-steps", "1"]));
    // As long, of another seed and an older recipe.
    place.ok(&short("older", &["--set", "seed=8", "--set", "optimizer.lr=2e-3"]));
    let said = ["whole", "stopped"].map(|from| {
        copy(&place.path(from), &place.path("run"));
        let said = result(&place.ok(&short("run", &["--resume"])));
        fs::remove_dir_all(place.path("run")).unwrap();
        (from, said)
    });
    let said = BTreeMap::from(said);
    let campaign = Campaign { place: &place, whole: left(&place.path("whole")), said };

    let mut rng = rng("tamperings");
    let (mut made, mut asked_for) = (BTreeMap::new(), asked("BOURN_TAMPERINGS", 200));
    let of = |run: &str| -> Vec<String> {
        let mut all: Vec<String> =
            left(&place.path(run)).into_iter().map(|(name, _)| name).collect();
        all.push("timing.jsonl".into());
        all
    };
    let (whole, stopped) = (of("whole"), of("stopped"));
    let (mut failures, mut idle) = (Vec::new(), BTreeMap::new());
    while asked_for > 0 {
        let (from, names) = [("whole", &whole), ("stopped", &stopped)][rng.random_range(0..2)];
        let name = &names[rng.random_range(0..names.len())];
        let how = ALL[rng.random_range(0..ALL.len())];
        let run = place.path("run");
        let _ = fs::remove_dir_all(&run);
        copy(&place.path(from), &run);
        if !tamper(&run.join(name), how, &older(name, &place.path("older"), &run), &mut rng) {
            continue;
        }
        asked_for -= 1;
        match campaign.outcome(from, name) {
            Ok(outcome) => {
                *made.entry((how, outcome)).or_insert(0) += 1;
                if outcome == Outcome::Nothing {
                    *idle.entry(name).or_insert(0) += 1;
                }
            }
            Err(problem) => {
                failures.push(format!("{how:?} of {name} of the {from} run: {problem}"))
            }
        }
    }
    for ((how, outcome), count) in &made {
        println!("{how:?}: {count} × {outcome:?}");
    }
    println!("changed nothing: {idle:?}");
    assert!(failures.is_empty(), "{} went unnoticed:\n{}", failures.len(), failures.join("\n"));
}
