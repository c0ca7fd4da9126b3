//! The messages of TensorBoard's event files: those that bourn writes, field by field as TensorFlow's
//! and TensorBoard's `.proto` files number them. A field that is left out here is left unset.

use std::collections::BTreeMap;

use prost::{Enumeration, Message, Oneof};

/// One record of an event file (`tensorflow/core/util/event.proto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(crate) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(crate) step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub(crate) what: Option<What>,
}

/// What a record is of.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionLog {
    #[prost(enumeration = "SessionStatus", tag = "1")]
    pub(crate) status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum SessionStatus {
    Unspecified = 0,
    Start = 1,
}

/// Values at one step (`tensorflow/core/framework/summary.proto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(crate) value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Value {
    #[prost(string, tag = "1")]
    pub(crate) tag: String,
    #[prost(message, optional, tag = "9")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(oneof = "Content", tags = "2, 4, 5, 8")]
    pub(crate) content: Option<Content>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Content {
    #[prost(float, tag = "2")]
    Scalar(f32),
    #[prost(message, tag = "4")]
    Image(Image),
    #[prost(message, tag = "5")]
    Histogram(Histogram),
    #[prost(message, tag = "8")]
    Tensor(Tensor),
}

/// Which of TensorBoard's plugins shows a value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub(crate) plugin: Option<Plugin>,
}

impl Metadata {
    /// Of a plugin that is told nothing but the value.
    pub(crate) fn of(plugin: &str) -> Self {
        Self::with(plugin, Vec::new())
    }

    /// Of a plugin and a message of its own.
    pub(crate) fn with(plugin: &str, content: Vec<u8>) -> Self {
        Self { plugin: Some(Plugin { name: plugin.to_owned(), content }) }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Plugin {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Image {
    #[prost(int32, tag = "1")]
    pub(crate) height: i32,
    #[prost(int32, tag = "2")]
    pub(crate) width: i32,
    /// 3 is RGB.
    #[prost(int32, tag = "3")]
    pub(crate) colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histogram {
    #[prost(double, tag = "1")]
    pub(crate) min: f64,
    #[prost(double, tag = "2")]
    pub(crate) max: f64,
    #[prost(double, tag = "3")]
    pub(crate) num: f64,
    #[prost(double, tag = "4")]
    pub(crate) sum: f64,
    #[prost(double, tag = "5")]
    pub(crate) sum_squares: f64,
    /// Right edges of the buckets.
    #[prost(double, repeated, tag = "6")]
    pub(crate) limits: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) counts: Vec<f64>,
}

/// `tensorflow/core/framework/tensor.proto`: texts, or nothing but a shape.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tensor {
    #[prost(enumeration = "TensorType", tag = "1")]
    pub(crate) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) strings: Vec<Vec<u8>>,
}

impl Tensor {
    /// One string: a shape without dimensions, where one of length 1 would be a table.
    pub(crate) fn string(bytes: impl Into<Vec<u8>>) -> Self {
        let (dtype, shape) = (TensorType::String.into(), Some(Shape::default()));
        Self { dtype, shape, strings: vec![bytes.into()] }
    }

    /// A vector of no numbers.
    pub(crate) fn empty() -> Self {
        let shape = Shape { dims: vec![Dim { size: 0 }] };
        Self { dtype: TensorType::Float.into(), shape: Some(shape), strings: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum TensorType {
    Invalid = 0,
    Float = 1,
    String = 7,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(crate) dims: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dim {
    #[prost(int64, tag = "1")]
    pub(crate) size: i64,
}

/// Charts of the custom-scalars tab (`tensorboard/plugins/custom_scalar/layout.proto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Layout {
    #[prost(message, repeated, tag = "2")]
    pub(crate) categories: Vec<Category>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Category {
    #[prost(string, tag = "1")]
    pub(crate) title: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) charts: Vec<Chart>,
    #[prost(bool, tag = "3")]
    pub(crate) closed: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Chart {
    #[prost(string, tag = "1")]
    pub(crate) title: String,
    #[prost(oneof = "Series", tags = "2, 3")]
    pub(crate) series: Option<Series>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Series {
    #[prost(message, tag = "2")]
    Lines(Lines),
    #[prost(message, tag = "3")]
    Margins(Margins),
}

/// Every tag that one of the expressions matches.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Lines {
    #[prost(string, repeated, tag = "1")]
    pub(crate) tags: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Margins {
    #[prost(message, repeated, tag = "1")]
    pub(crate) series: Vec<Margin>,
}

/// A figure and the ends of its interval.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Margin {
    #[prost(string, tag = "1")]
    pub(crate) value: String,
    #[prost(string, tag = "2")]
    pub(crate) lower: String,
    #[prost(string, tag = "3")]
    pub(crate) upper: String,
}

/// What the HParams tab reads (`tensorboard/plugins/hparams/plugin_data.proto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HParamsData {
    #[prost(oneof = "Session", tags = "2, 3, 4")]
    pub(crate) session: Option<Session>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Session {
    #[prost(message, tag = "2")]
    Experiment(Experiment),
    #[prost(message, tag = "3")]
    Start(SessionStart),
    #[prost(message, tag = "4")]
    End(SessionEnd),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Experiment {
    #[prost(message, repeated, tag = "4")]
    pub(crate) hparams: Vec<HParamInfo>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) metrics: Vec<MetricInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HParamInfo {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(enumeration = "HParamType", tag = "4")]
    pub(crate) kind: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum HParamType {
    Unset = 0,
    String = 1,
    Float64 = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetricInfo {
    #[prost(message, optional, tag = "1")]
    pub(crate) name: Option<MetricName>,
    #[prost(string, tag = "3")]
    pub(crate) display_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetricName {
    #[prost(string, tag = "2")]
    pub(crate) tag: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) hparams: BTreeMap<String, Setting>,
    #[prost(double, tag = "5")]
    pub(crate) seconds: f64,
}

/// `google/protobuf/struct.proto`'s `Value`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Setting {
    #[prost(oneof = "Kind", tags = "2, 3")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionEnd {
    #[prost(enumeration = "Status", tag = "1")]
    pub(crate) status: i32,
    #[prost(double, tag = "2")]
    pub(crate) seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum Status {
    Unknown = 0,
    Success = 1,
}
