//! Runs beside each other: what TensorBoard's HParams tab reads.
//!
//! A run says once what it was made with (its session's start), and that it is complete (its end).
//! Of a sweep's runs TensorBoard takes the columns that any one of them names, and so every run names
//! the same.

use bourn_foreign::visible;
use prost::Message;

use crate::error::TrackError;
use crate::messages::{
    Experiment, HParamInfo, HParamType, HParamsData, Kind, Metadata, MetricInfo, MetricName,
    Session, SessionEnd, SessionStart, Setting, Status, Tensor,
};
use crate::tensorboard::{EventWriter, unix_time};

/// The tags under which TensorBoard looks.
const EXPERIMENT_TAG: &str = "_hparams_/experiment";
const START_TAG: &str = "_hparams_/session_start_info";
const END_TAG: &str = "_hparams_/session_end_info";

/// A setting by which runs are told apart.
#[derive(Clone, Debug, PartialEq)]
pub enum HParam {
    /// A name.
    Text(String),
    /// A number.
    Number(f64),
}

/// Writes the settings of a run in the order in which they are shown (TensorBoard ticks the first
/// five), and which scalar tags (with the name to show) are its results.
pub(crate) fn write_start(
    writer: &mut EventWriter,
    hparams: &[(&str, HParam)],
    metrics: &[(String, String)],
) -> Result<(), TrackError> {
    let info = |(name, hparam): &(&str, HParam)| HParamInfo {
        name: (*name).to_owned(),
        kind: match hparam {
            HParam::Text(_) => HParamType::String.into(),
            HParam::Number(_) => HParamType::Float64.into(),
        },
    };
    let metric = |(tag, name): &(String, String)| MetricInfo {
        name: Some(MetricName { tag: tag.clone() }),
        display_name: name.clone(),
    };
    let experiment = Experiment {
        hparams: hparams.iter().map(info).collect(),
        metrics: metrics.iter().map(metric).collect(),
    };
    write(writer, EXPERIMENT_TAG, 0, Session::Experiment(experiment))?;

    let setting = |(name, hparam): &(&str, HParam)| {
        let kind = match hparam {
            HParam::Text(text) => Kind::Text(visible(text).into_owned()),
            HParam::Number(number) => Kind::Number(*number),
        };
        ((*name).to_owned(), Setting { kind: Some(kind) })
    };
    let start = SessionStart {
        hparams: hparams.iter().map(setting).collect(),
        seconds: unix_time().as_secs_f64(),
    };
    write(writer, START_TAG, 0, Session::Start(start))
}

/// Writes that the run is complete.
pub(crate) fn write_end(writer: &mut EventWriter, step: u64) -> Result<(), TrackError> {
    let (status, seconds) = (Status::Success.into(), unix_time().as_secs_f64());
    write(writer, END_TAG, step, Session::End(SessionEnd { status, seconds }))
}

/// All of it is in the metadata; the value is an empty vector.
fn write(
    writer: &mut EventWriter,
    tag: &str,
    step: u64,
    session: Session,
) -> Result<(), TrackError> {
    let content = HParamsData { session: Some(session) }.encode_to_vec();
    writer.value(tag, step, Metadata::with("hparams", content), Tensor::empty())
}

#[cfg(test)]
#[path = "../tests/unit/hparams.rs"]
mod tests;
