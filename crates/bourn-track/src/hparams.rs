//! Runs beside each other: what TensorBoard's HParams tab reads.
//!
//! A run says once what it was made with (its session's start), and that it is complete (its end).
//! Of a sweep's runs TensorBoard takes the columns that any one of them names, and so every run names
//! the same.

use protobuf::Message;
use protobuf::well_known_types::Value;
use tensorboard_proto::api::{DataType as HParamType, Experiment, HParamInfo, MetricInfo, Status};
use tensorboard_proto::plugin_hparams::{HParamsPluginData, SessionEndInfo, SessionStartInfo};
use tensorboard_proto::summary::{Summary_Value, SummaryMetadata, SummaryMetadata_PluginData};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::{TensorShapeProto, TensorShapeProto_Dim};
use tensorboard_proto::types::DataType;

use crate::error::TrackError;
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
    let mut experiment = Experiment::new();
    for (name, hparam) in hparams {
        let mut info = HParamInfo::new();
        info.set_name((*name).to_owned());
        info.set_field_type(match hparam {
            HParam::Text(_) => HParamType::DATA_TYPE_STRING,
            HParam::Number(_) => HParamType::DATA_TYPE_FLOAT64,
        });
        experiment.mut_hparam_infos().push(info);
    }
    for (tag, name) in metrics {
        let mut info = MetricInfo::new();
        info.mut_name().set_tag(tag.clone());
        info.set_display_name(name.clone());
        experiment.mut_metric_infos().push(info);
    }
    let mut content = HParamsPluginData::new();
    content.set_experiment(experiment);
    write(writer, EXPERIMENT_TAG, 0, &content)?;

    let mut start = SessionStartInfo::new();
    for (name, hparam) in hparams {
        let mut value = Value::new();
        match hparam {
            HParam::Text(text) => value.set_string_value(text.clone()),
            HParam::Number(number) => value.set_number_value(*number),
        }
        start.mut_hparams().insert((*name).to_owned(), value);
    }
    start.set_start_time_secs(unix_time().as_secs_f64());
    let mut content = HParamsPluginData::new();
    content.set_session_start_info(start);
    write(writer, START_TAG, 0, &content)
}

/// Writes that the run is complete.
pub(crate) fn write_end(writer: &mut EventWriter, step: u64) -> Result<(), TrackError> {
    let mut end = SessionEndInfo::new();
    end.set_status(Status::STATUS_SUCCESS);
    end.set_end_time_secs(unix_time().as_secs_f64());
    let mut content = HParamsPluginData::new();
    content.set_session_end_info(end);
    write(writer, END_TAG, step, &content)
}

/// All of it is in the metadata; the value is an empty vector.
fn write(
    writer: &mut EventWriter,
    tag: &str,
    step: u64,
    content: &HParamsPluginData,
) -> Result<(), TrackError> {
    let content = content.write_to_bytes().map_err(|e| {
        TrackError::io("encode settings for", writer.path())(std::io::Error::other(e))
    })?;
    let mut plugin = SummaryMetadata_PluginData::new();
    plugin.set_plugin_name("hparams".to_owned());
    plugin.set_content(content);
    let mut metadata = SummaryMetadata::new();
    metadata.set_plugin_data(plugin);
    let mut shape = TensorShapeProto::new();
    shape.mut_dim().push(TensorShapeProto_Dim::new());
    let mut tensor = TensorProto::new();
    tensor.set_dtype(DataType::DT_FLOAT);
    tensor.set_tensor_shape(shape);
    let mut value = Summary_Value::new();
    value.set_metadata(metadata);
    value.set_tensor(tensor);
    writer.value(tag, step, value)
}

#[cfg(test)]
#[path = "../tests/unit/hparams.rs"]
mod tests;
