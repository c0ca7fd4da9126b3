//! TensorBoard event files.
//!
//! A file is records one after the other, each a message (`messages`) with its length and checksums.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bourn_foreign::visible;
use prost::Message;

use crate::append::{AppendFile, sync_directory};
use crate::error::TrackError;
use crate::messages::{
    Content, Event, Histogram, Image, Layout, Metadata, SessionLog, SessionStatus, Summary, Tensor,
    Value, What,
};
use crate::picture::Picture;

/// The version that TensorBoard wants in a file's first event.
const FILE_VERSION: &str = "brain.Event:2";
/// The tag under which TensorBoard looks for a layout.
const LAYOUT_TAG: &str = "custom_scalars__config__";
/// How many buckets a histogram has, as TensorBoard's own writer has.
const HISTOGRAM_BUCKETS: usize = 30;
/// What TensorFlow adds to a checksum.
const CHECKSUM_MASK: u32 = 0xa282_ead8;
/// A picture's colours, as TensorFlow numbers them.
const RGB: i32 = 3;
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
        writer.write("file_version", 0, What::FileVersion(FILE_VERSION.to_owned()))?;
        // TensorBoard's server takes the first of a run's marks for its beginning and drops data only at
        // later ones, so every file has one.
        let start = SessionLog { status: SessionStatus::Start.into() };
        writer.write("session_log", resume_step.unwrap_or(0), What::SessionLog(start))?;
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
        self.content(tag, step, Content::Scalar(value as f32))
    }

    /// How `values` are distributed, in 30 buckets of equal width from the smallest to the
    /// largest. No values, or one that is not finite, is [`TrackError::BadHistogram`].
    ///
    /// # Errors
    /// As it says; and as [`EventWriter::scalar`].
    pub fn histogram(&mut self, tag: &str, step: u64, values: &[f64]) -> Result<(), TrackError> {
        let histogram = histogram(values).map_err(|problem| TrackError::BadHistogram {
            tag: tag.to_string(),
            step,
            problem,
        })?;
        self.content(tag, step, Content::Histogram(histogram))
    }

    /// Text that TensorBoard renders as Markdown.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`].
    pub fn text(&mut self, tag: &str, step: u64, markdown: &str) -> Result<(), TrackError> {
        self.value(tag, step, Metadata::of("text"), Tensor::string(&*visible(markdown)))
    }

    /// Charts of TensorBoard's custom-scalars tab, which can hold several tags each. A directory has
    /// one layout: the last one written counts.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`].
    pub(crate) fn layout(&mut self, step: u64, layout: &Layout) -> Result<(), TrackError> {
        let layout = Tensor::string(layout.encode_to_vec());
        self.value(LAYOUT_TAG, step, Metadata::of("custom_scalars"), layout)
    }

    /// A picture, as the PNG that it already is.
    pub(crate) fn image(
        &mut self,
        tag: &str,
        step: u64,
        picture: &Picture,
    ) -> Result<(), TrackError> {
        let image = Image {
            height: i32::try_from(picture.height).unwrap_or(i32::MAX),
            width: i32::try_from(picture.width).unwrap_or(i32::MAX),
            colorspace: RGB,
            encoded: picture.png.clone(),
        };
        self.content(tag, step, Content::Image(image))
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

    /// A value that a plugin shows.
    pub(crate) fn value(
        &mut self,
        tag: &str,
        step: u64,
        metadata: Metadata,
        tensor: Tensor,
    ) -> Result<(), TrackError> {
        let (metadata, content) = (Some(metadata), Some(Content::Tensor(tensor)));
        self.summary(step, Value { tag: tag.to_owned(), metadata, content })
    }

    fn content(&mut self, tag: &str, step: u64, content: Content) -> Result<(), TrackError> {
        self.summary(step, Value { tag: tag.to_owned(), metadata: None, content: Some(content) })
    }

    fn summary(&mut self, step: u64, value: Value) -> Result<(), TrackError> {
        let tag = value.tag.clone();
        self.write(&tag, step, What::Summary(Summary { value: vec![value] }))
    }

    fn write(&mut self, tag: &str, step: u64, what: What) -> Result<(), TrackError> {
        let signed = i64::try_from(step)
            .map_err(|_| TrackError::StepTooLarge { tag: tag.to_string(), step })?;
        let wall_time = unix_time().as_secs_f64();
        let event = Event { wall_time, step: signed, what: Some(what) };
        // Into memory first: the file takes whole records, and keeps them where a disk is full.
        self.file.append(&framed(&event.encode_to_vec()))
    }
}

/// A message in TensorFlow's record format: its length, the length's checksum, the message, its checksum.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let checksum = |bytes: &[u8]| masked(crc32c::crc32c(bytes)).to_le_bytes();
    [&length[..], &checksum(&length), message, &checksum(message)].concat()
}

/// A checksum rotated and moved, so that data which hold checksums have one that differs from theirs.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(CHECKSUM_MASK)
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

fn histogram(values: &[f64]) -> Result<Histogram, String> {
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
    Ok(Histogram {
        min,
        max,
        num: values.len() as f64,
        sum: values.iter().sum(),
        sum_squares: values.iter().map(|v| v * v).sum(),
        limits,
        counts,
    })
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
pub(crate) use tests::{read_events, value};
