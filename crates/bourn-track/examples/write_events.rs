//! Writes a small run into a directory as a resumed run leaves it: two event files in each of its
//! four folders, of which the second begins again at step 5. `tests/tensorboard_readback.py` reads it
//! with TensorBoard.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use bourn_track::{Board, HParam, TrackError, tags};

#[path = "../tests/unit/sample.rs"]
mod sample;

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: write_events DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(&dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(dir: &Path) -> Result<(), TrackError> {
    let numbers = |reward: f64| {
        let correct = tags::verdict("correct");
        let named = [
            (tags::REWARD, reward),
            (tags::CLIP_RATIO_LOW, reward),
            (tags::COMPLETIONS_MAX_LENGTH, 8.0),
            (&correct, 0.5),
        ];
        BTreeMap::from(named.map(|(tag, value)| (tag.to_owned(), value)))
    };
    let boundary = sample::boundary();
    let accuracies = |most: f64| (0..96).map(|i| most * f64::from(i) / 96.0).collect::<Vec<_>>();
    let mut first = Board::create(dir, None)?;
    first.text("recipe", 0, "# recipe\n\n    seed = 1\n    name = \"ümlaut <b>\"\n")?;
    let hparams = [("algorithm", HParam::Text("grpo".into())), ("lr", HParam::Number(0.25))];
    first.start_session(&hparams, Some(256))?;
    for step in 0..10 {
        first.step(step, &numbers(step as f64 / 16.0))?;
    }
    // Of a step that is run again: nothing of it stays in any of the folders.
    first.probe(9, "countdown", &boundary, &accuracies(0.1), &accuracies(0.2))?;
    first.sync()?;

    let mut second = Board::create(dir, Some(5))?;
    for step in 5..8 {
        second.step(step, &numbers(1.0 + step as f64 / 16.0))?;
    }
    let boundary = sample::rich();
    let policy: Vec<f64> = (0..96).map(|i| f64::from(i % 4) / 4.0).collect();
    second.layout(7, &[("countdown", &boundary)])?;
    second.probe(7, "countdown", &boundary, &accuracies(0.1875), &policy)?;
    let (examples, draws) = sample::examples();
    second.text("samples/countdown", 7, &bourn_track::samples(&boundary, &examples, &draws))?;
    second.end_session(7)?;
    second.sync()
}
