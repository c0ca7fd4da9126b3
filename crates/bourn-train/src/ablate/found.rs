//! What the finished runs of a sweep found, read back from their directories.

use std::fs;
use std::path::Path;

use bourn_probe::{Ablation, Boundary, SweepRun, SweepVariant, ablation, read_ledger};
use bourn_recipe::Sweep;
use bourn_report::{SweptRun, read_cost, write_ablation};
use bourn_track::{FailedRun, Written, ablation_csv, ablation_markdown, ablation_runs_csv};

use super::{AblateOptions, AblationJob, jobs};
use crate::error::TrainError;
use crate::probe::{read_figures, set_names};
use crate::sealed;

/// The figures of a sweep: one for each set of problems that its probes were made on.
pub struct Found {
    /// The figures, in the order of the reference's samplers.
    pub sets: Vec<Ablation>,
    /// The files that were written.
    pub files: Vec<std::path::PathBuf>,
    /// What of the runs is missing or is not as they wrote it, a sentence each.
    pub faults: Vec<String>,
}

/// Reads every finished run of the sweep, and writes its tables and report.
///
/// # Errors
/// Names the file of a run that is torn, or the file that could not be written.
pub fn found(
    sweep: &Sweep,
    options: &AblateOptions,
    failed: &[FailedRun],
) -> Result<Found, TrainError> {
    let finished: Vec<AblationJob<'_>> =
        jobs(sweep).into_iter().filter(|job| job.is_done(options)).collect();
    let reference = &sweep.variants[sweep.reference];
    let mut sets = Vec::new();
    for name in set_names(&reference.recipes[0].probe) {
        let mut variants = Vec::new();
        for (index, variant) in sweep.variants.iter().enumerate() {
            let own = finished.iter().filter(|job| job.variant == index);
            let with = own.filter(|job| set_names(&job.recipe.probe).contains(&name));
            let runs = with.map(|job| read(job, &name, options)).collect::<Result<_, _>>()?;
            let (name, changes) = (variant.name.clone(), variant.changes.clone());
            variants.push(SweepVariant { name, changes, runs });
        }
        let confidence = reference.recipes[0].probe.confidence;
        let k = &sweep.k;
        sets.extend(ablation(&sweep.name, &name, &variants, &reference.name, k, confidence));
    }
    let directory = &options.directory;
    let json = sealed::to_json(&directory.join("ablation.json"), &sets)?;
    let mut files = Vec::new();
    for (name, text) in [
        ("table.md", ablation_markdown(&sets, failed)),
        ("table.csv", ablation_csv(&sets)),
        ("runs.csv", ablation_runs_csv(&sets)),
        ("ablation.json", json),
    ] {
        let path = directory.join(name);
        sealed::replace_file(&path, text.as_bytes())?;
        files.push(path);
    }
    let runs = finished.iter().map(|job| SweptRun {
        variant: job.name.to_owned(),
        seed: job.seed,
        directory: job.directory(options),
    });
    // Each run's own page too, and every page links to the other.
    let runs: Vec<SweptRun> = runs.collect();
    files.push(write_ablation(directory, &sweep.name, &sets, failed, &runs)?);
    let faults = runs.iter().map(|run| faults(&run.directory)).collect::<Result<Vec<_>, _>>()?;
    Ok(Found { sets, files, faults: faults.concat() })
}

fn faults(run_dir: &Path) -> Result<Vec<String>, TrainError> {
    let Some(written) = Written::newest(run_dir)? else { return Ok(Vec::new()) };
    let told = |fault| format!("{} is damaged: {fault}", run_dir.display());
    Ok(written.faults(run_dir).into_iter().map(told).collect())
}

fn read(job: &AblationJob<'_>, set: &str, options: &AblateOptions) -> Result<SweepRun, TrainError> {
    let (directory, step) = (job.directory(options), job.recipe.train.max_steps);
    let index = set_names(&job.recipe.probe).iter().position(|name| name == set);
    let figures = read_figures(&directory, step, &job.recipe.probe)?;
    let path = crate::probe::figures_path(&directory, step, set);
    let missing = || TrainError::Figures { path, problem: "the set is missing".into() };
    let boundary = index.and_then(|index| figures.into_iter().nth(index)).ok_or_else(missing)?;
    let boundaries = directory.join("boundary");
    let outcomes = |file: String| -> Result<_, TrainError> {
        Ok(read_ledger(boundaries.join(file))?.1.outcomes())
    };
    let timing = directory.join("timing.jsonl");
    let cost = match fs::exists(&timing) {
        Ok(true) => read_cost(&timing)?,
        _ => None,
    };
    Ok(SweepRun {
        seed: job.seed,
        boundary,
        base: outcomes(format!("base-{set}.draws.jsonl.zst"))?,
        policy: outcomes(format!("step-{step:06}-{set}.draws.jsonl.zst"))?,
        tokens: cost.map(|cost| cost.tokens),
        seconds: cost.map(|cost| cost.seconds),
    })
}

/// One line about a finished run.
pub(super) fn line(figures: &Boundary) -> String {
    let percent = |list: &[f64], index: usize| 100.0 * list.get(index).copied().unwrap_or(0.0);
    let last = figures.k.len().saturating_sub(1);
    format!(
        "pass@1 {:.1}% (base {:.1}%), pass@{} {:.1}% (base {:.1}%)",
        percent(&figures.policy.pass_at_k, 0),
        percent(&figures.base.pass_at_k, 0),
        figures.k_max(),
        percent(&figures.policy.pass_at_k, last),
        percent(&figures.base.pass_at_k, last),
    )
}
