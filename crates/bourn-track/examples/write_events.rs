//! Writes a small run into a directory as a resumed run leaves it: two event files, of which the
//! second begins again at step 5. `tests/tensorboard_readback.py` reads it with TensorBoard.

use std::path::Path;
use std::process::ExitCode;

use bourn_track::{EventWriter, TrackError, tags, write_boundary, write_layout};

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
    let mut first = EventWriter::create(dir, None)?;
    first.text("recipe", 0, "# recipe\n\n    seed = 1\n    name = \"ümlaut <b>\"\n")?;
    for step in 0..10 {
        first.scalar(tags::REWARD, step, step as f64 / 16.0)?;
    }
    first.close()?;

    let mut second = EventWriter::create(dir, Some(5))?;
    for step in 5..8 {
        second.scalar(tags::REWARD, step, 1.0 + step as f64 / 16.0)?;
    }
    let boundary = sample::rich();
    let base: Vec<f64> = (0..96).map(|i| f64::from(i) / 512.0).collect();
    let policy: Vec<f64> = (0..96).map(|i| f64::from(i % 4) / 4.0).collect();
    write_layout(&mut second, 7, &[("countdown", &boundary)])?;
    write_boundary(&mut second, 7, "countdown", &boundary, &base, &policy)?;
    second.close()
}
