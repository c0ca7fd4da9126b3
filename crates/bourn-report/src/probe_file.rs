//! `probe.json`: what a directory is that holds a probe without a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::ReportError;
use crate::read::{MAX_FIGURES_BYTES, read_text};

/// The file's name. It is written last: a directory without it was not finished.
pub const PROBE_FILE: &str = "probe.json";

/// Version of the format that is written and read.
const VERSION: u32 = 1;

/// A probe of two models, beside whose `boundary/` it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeFile {
    /// Version of this format.
    pub version: u32,
    /// Completed steps of the policy, where it is of a run; else 0. Part of the files' names.
    pub step: u64,
    /// The sets in `boundary/`.
    pub sets: Vec<String>,
    /// The base.
    pub base: ProbedModel,
    /// The policy.
    pub policy: ProbedModel,
    /// The BLAKE3 hash of each file beside it, by its path; none in files of earlier versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// One of the two models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbedModel {
    /// What was opened: a directory, a file, a hub id.
    pub source: String,
    /// Content hash of its weights.
    pub weights: String,
}

impl ProbeFile {
    /// A probe of these models, of this version.
    pub fn new(
        step: u64,
        sets: Vec<String>,
        base: ProbedModel,
        policy: ProbedModel,
        files: BTreeMap<String, String>,
    ) -> ProbeFile {
        ProbeFile { version: VERSION, step, sets, base, policy, files }
    }

    /// The file of the probe in `dir`; `None` where there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<ProbeFile>, ReportError> {
        let path: PathBuf = dir.join(PROBE_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = read_text(&path, MAX_FIGURES_BYTES)?;
        let fault = |problem| ReportError::Probe { path: path.clone(), problem };
        let file: ProbeFile =
            serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
        if file.version != VERSION {
            return Err(fault(format!("version {}, not {VERSION}", file.version)));
        }
        Ok(Some(file))
    }
}
