//! TensorBoard event files.
//!
//! Records and their checksums, scalars and histograms are `tensorboard-rs`'s; what it lacks (text,
//! pictures, layouts, the mark of a resumed run) is made of the same messages. The file is ours: the
//! crate's own writer panics where a disk is full, and two of its writers may share one name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protobuf::Message;
use tensorboard_proto::event::{Event, SessionLog, SessionLog_SessionStatus};
use tensorboard_proto::layout::Layout;
use tensorboard_proto::summary::{
    Summary, Summary_Image, Summary_Value, SummaryMetadata, SummaryMetadata_PluginData,
};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::TensorShapeProto;
use tensorboard_proto::types::DataType;
use tensorboard_rs::record_writer::RecordWriter;
use tensorboard_rs::summary::{histogram_raw, scalar};

use crate::append::{AppendFile, sync_directory};
use crate::error::TrackError;
use crate::picture::Picture;

/// The version that TensorBoard wants in a file's first event.
const FILE_VERSION: &str = "brain.Event:2";
/// The tag under which TensorBoard looks for a layout.
const LAYOUT_TAG: &str = "custom_scalars__config__";
/// How many buckets a histogram has, as TensorBoard's own writer has.
const HISTOGRAM_BUCKETS: usize = 30;
/// What a record has around its message: its length and two checksums.
const FRAME_BYTES: usize = 16;
/// How many names are tried before a directory counts as unusable.
const NAME_ATTEMPTS: u32 = 1000;

/// Writes one event file of a run; TensorBoard reads all files of the directory, oldest first.
#[derive(Debug)]
pub struct EventWriter {
    file: AppendFile,
}

impl EventWriter {
    /// Opens a new event file in `dir`, which is made if it is missing; no file that exists is
    /// touched, whoever else writes there. `resume_step` is the first step that this file will
    /// write again: TensorBoard then drops what older files hold of that step and later ones.
    ///
    /// # Errors
    /// A directory or a file that cannot be made.
    pub fn create(dir: &Path, resume_step: Option<u64>) -> Result<Self, TrackError> {
        fs::create_dir_all(dir).map_err(TrackError::io("create", dir))?;
        let mut writer = Self { file: create_unique(dir, unix_time())? };
        let mut version = Event::new();
        version.set_file_version(FILE_VERSION.to_string());
        writer.write("file_version", 0, version)?;
        // TensorBoard's server takes the first of a run's marks for its beginning and drops data only at
        // later ones, so every file has one.
        let mut log = SessionLog::new();
        log.set_status(SessionLog_SessionStatus::START);
        let mut start = Event::new();
        start.set_session_log(log);
        writer.write("session_log", resume_step.unwrap_or(0), start)?;
        writer.file.flush()?;
        Ok(writer)
    }

    /// Where the events go.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// One number, kept as 32-bit float as TensorBoard's scalars are; NaN and infinities are
    /// written as they are, and TensorBoard marks them.
    ///
    /// # Errors
    /// A step beyond what TensorBoard counts, a file that does not take the event.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<(), TrackError> {
        self.summary(tag, step, scalar(tag, value as f32))
    }

    /// How `values` are distributed, in 30 buckets of equal width from the smallest to the
    /// largest. No values, or one that is not finite, is [`TrackError::BadHistogram`].
    ///
    /// # Errors
    /// As it says; and as [`EventWriter::scalar`].
    pub fn histogram(&mut self, tag: &str, step: u64, values: &[f64]) -> Result<(), TrackError> {
        let summary = histogram(tag, values).map_err(|problem| TrackError::BadHistogram {
            tag: tag.to_string(),
            step,
            problem,
        })?;
        self.summary(tag, step, summary)
    }

    /// Text that TensorBoard renders as Markdown.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`].
    pub fn text(&mut self, tag: &str, step: u64, markdown: &str) -> Result<(), TrackError> {
        let mut plugin = SummaryMetadata_PluginData::new();
        plugin.set_plugin_name("text".to_string());
        let mut metadata = SummaryMetadata::new();
        metadata.set_plugin_data(plugin);
        let mut tensor = TensorProto::new();
        tensor.set_dtype(DataType::DT_STRING);
        // A shape without dimensions: one string, not a table of them.
        tensor.set_tensor_shape(TensorShapeProto::new());
        tensor.mut_string_val().push(markdown.as_bytes().to_vec());
        let mut value = Summary_Value::new();
        value.set_metadata(metadata);
        value.set_tensor(tensor);
        self.value(tag, step, value)
    }

    /// Charts of TensorBoard's custom-scalars tab, which can hold several tags each. A directory has
    /// one layout: the last one written counts.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`].
    pub(crate) fn layout(&mut self, step: u64, layout: &Layout) -> Result<(), TrackError> {
        let content = layout.write_to_bytes().map_err(|e| {
            TrackError::io("encode a layout for", self.file.path())(std::io::Error::other(e))
        })?;
        let mut plugin = SummaryMetadata_PluginData::new();
        plugin.set_plugin_name("custom_scalars".to_string());
        let mut metadata = SummaryMetadata::new();
        metadata.set_plugin_data(plugin);
        let mut tensor = TensorProto::new();
        tensor.set_dtype(DataType::DT_STRING);
        tensor.set_tensor_shape(TensorShapeProto::new());
        tensor.mut_string_val().push(content);
        let mut value = Summary_Value::new();
        value.set_metadata(metadata);
        value.set_tensor(tensor);
        self.value(LAYOUT_TAG, step, value)
    }

    /// A picture, as the PNG that it already is.
    pub(crate) fn image(
        &mut self,
        tag: &str,
        step: u64,
        picture: &Picture,
    ) -> Result<(), TrackError> {
        let mut image = Summary_Image::new();
        image.set_height(i32::try_from(picture.height).unwrap_or(i32::MAX));
        image.set_width(i32::try_from(picture.width).unwrap_or(i32::MAX));
        image.set_colorspace(3); // RGB
        image.set_encoded_image_string(picture.png.clone());
        let mut value = Summary_Value::new();
        value.set_image(image);
        self.value(tag, step, value)
    }

    /// Hands everything written so far to the operating system, where TensorBoard can read it.
    ///
    /// # Errors
    /// A file that does not take them.
    pub fn flush(&mut self) -> Result<(), TrackError> {
        self.file.flush()
    }

    /// Hands everything written so far to the disk.
    ///
    /// # Errors
    /// A disk that does not take them.
    pub fn sync(&mut self) -> Result<(), TrackError> {
        self.file.sync()
    }

    /// Hands everything to the disk and closes the file. Dropping the writer flushes too, but
    /// cannot tell of a failure.
    ///
    /// # Errors
    /// As [`EventWriter::sync`].
    pub fn close(mut self) -> Result<(), TrackError> {
        self.file.sync()
    }

    /// A value with whatever metadata it has.
    pub(crate) fn value(
        &mut self,
        tag: &str,
        step: u64,
        mut value: Summary_Value,
    ) -> Result<(), TrackError> {
        value.set_tag(tag.to_string());
        let mut summary = Summary::new();
        summary.mut_value().push(value);
        self.summary(tag, step, summary)
    }

    fn summary(&mut self, tag: &str, step: u64, summary: Summary) -> Result<(), TrackError> {
        let mut event = Event::new();
        event.set_summary(summary);
        self.write(tag, step, event)
    }

    fn write(&mut self, tag: &str, step: u64, mut event: Event) -> Result<(), TrackError> {
        let signed = i64::try_from(step)
            .map_err(|_| TrackError::StepTooLarge { tag: tag.to_string(), step })?;
        event.set_step(signed);
        event.set_wall_time(unix_time().as_secs_f64());
        let unencoded = TrackError::io("encode an event for", self.file.path());
        // Into memory first: the file takes whole records, and keeps them where a disk is full.
        let record = event.write_to_bytes().map_err(std::io::Error::other).and_then(|message| {
            let mut record = Vec::with_capacity(message.len() + FRAME_BYTES);
            RecordWriter::new(&mut record).write(&message)?;
            Ok(record)
        });
        self.file.append(&record.map_err(unencoded)?)
    }
}

/// Opens a file under a name that nobody has taken. TensorBoard reads a directory's files in the
/// order of their names, so a name begins with its time, in a fixed number of digits.
fn create_unique(dir: &Path, now: Duration) -> Result<AppendFile, TrackError> {
    for attempt in 0..NAME_ATTEMPTS {
        let path = event_path(dir, now, attempt);
        match AppendFile::create(&path) {
            Err(TrackError::Exists { .. }) => continue,
            Err(error) => return Err(error),
            Ok(file) => {
                sync_directory(dir)?;
                return Ok(file);
            }
        }
    }
    Err(TrackError::Exists { path: event_path(dir, now, NAME_ATTEMPTS - 1) })
}

fn event_path(dir: &Path, now: Duration, attempt: u32) -> PathBuf {
    let (seconds, nanos) = (now.as_secs(), now.subsec_nanos());
    dir.join(format!("events.out.tfevents.{seconds:010}.{nanos:09}.{attempt:03}.bourn"))
}

/// Time since 1970; a clock before that counts as 1970.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn histogram(tag: &str, values: &[f64]) -> Result<Summary, String> {
    if values.is_empty() {
        return Err("there are no values".to_string());
    }
    if let Some(index) = values.iter().position(|v| !v.is_finite()) {
        return Err(format!("value {index} is {}", values[index]));
    }
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let limits = bucket_limits(min, max);
    let mut counts = vec![0.0; limits.len()];
    for &value in values {
        // A bucket holds left ≤ value < right; the last one holds its right edge too.
        let bucket = limits.partition_point(|&limit| limit <= value).min(limits.len() - 1);
        counts[bucket] += 1.0;
    }
    let (n, sum) = (values.len() as f64, values.iter().sum());
    let squares = values.iter().map(|v| v * v).sum();
    Ok(histogram_raw(tag, min, max, n, sum, squares, &limits, &counts))
}

/// Right edges of the buckets, ascending, the last one `max`; one bucket if all values are equal.
fn bucket_limits(min: f64, max: f64) -> Vec<f64> {
    if min == max {
        return vec![max];
    }
    let n = HISTOGRAM_BUCKETS as f64;
    // Weighted ends, because max − min may overflow.
    let edge = |i: usize| min * ((n - i as f64) / n) + max * (i as f64 / n);
    (1..HISTOGRAM_BUCKETS).map(edge).chain([max]).collect()
}

#[cfg(test)]
#[path = "../tests/unit/tensorboard.rs"]
mod tests;

#[cfg(test)]
pub(crate) use tests::read_events;
