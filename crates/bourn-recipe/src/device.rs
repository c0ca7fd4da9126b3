//! The device that tensors live on.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The device that tensors live on. All but the CPU need a binary that was built with the feature of
/// the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// bourn's own kernels, and Burn's `flex` backend.
    Cpu,
    /// An NVIDIA GPU, by its index among those that are visible.
    Cuda(usize),
    /// The best adapter that `wgpu` finds, programmed in WGSL or what the build prefers to it.
    Wgpu,
    /// The same through Vulkan alone, in SPIR-V.
    Vulkan,
    /// The same through Metal alone, in MSL.
    Metal,
}

impl Device {
    /// GPUs that one machine's recipe can name; `CUDA_VISIBLE_DEVICES` chooses among more.
    const CUDA: usize = 8;

    /// Every device that can be named.
    pub fn all() -> impl Iterator<Item = Device> {
        let cuda = (0..Device::CUDA).map(Device::Cuda);
        let others = [Device::Wgpu, Device::Vulkan, Device::Metal];
        std::iter::once(Device::Cpu).chain(cuda).chain(others)
    }

    /// What to write in place of a name that others have for a device.
    fn instead(name: &str) -> Option<&'static str> {
        Device::INSTEAD.iter().find(|(names, _)| names.contains(&name)).map(|(_, advice)| *advice)
    }

    /// Names that others have, and what to write here.
    const INSTEAD: &[(&[&str], &str)] = &[
        (
            &["gpu", "GPU"],
            "write \"cuda:0\" for an NVIDIA GPU, \"vulkan\" or \"wgpu\" for another, \"metal\" on a Mac",
        ),
        (&["cuda", "nvidia"], "write \"cuda:0\", or the number of another NVIDIA GPU"),
        (&["mps", "apple"], "write \"metal\""),
        (&["rocm", "hip", "xpu", "amd", "intel"], "write \"vulkan\" or \"wgpu\""),
        (&["auto"], "name the device: \"cpu\", \"cuda:0\", \"vulkan\", \"wgpu\" or \"metal\""),
    ];

    /// Whether bourn's own kernels compute, and not Burn on another device.
    pub fn is_cpu(self) -> bool {
        self == Device::Cpu
    }

    /// The Cargo feature that a binary must have been built with.
    pub fn feature(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Wgpu => "wgpu",
            Device::Vulkan => "vulkan",
            Device::Metal => "metal",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cuda(index) => write!(f, "cuda:{index}"),
            other => f.write_str(other.feature()),
        }
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(name: &str) -> Result<Device, String> {
        Device::all().find(|device| device.to_string() == name).ok_or_else(|| {
            if let Some(advice) = Device::instead(name) {
                return format!("no device is called `{name}`: {advice}");
            }
            let names: Vec<String> = Device::all().map(|device| device.to_string()).collect();
            format!("no device is called `{name}`; there are {}", names.join(", "))
        })
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(name: String) -> Result<Device, String> {
        name.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> String {
        device.to_string()
    }
}

impl JsonSchema for Device {
    fn schema_name() -> Cow<'static, str> {
        "Device".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = Device::all().map(String::from).collect();
        let all = Device::INSTEAD
            .iter()
            .flat_map(|(names, advice)| names.iter().map(move |name| (name, advice)));
        let instead: serde_json::Map<String, serde_json::Value> =
            all.map(|(name, advice)| ((*name).to_owned(), (*advice).into())).collect();
        json_schema!({ "type": "string", "enum": names, "x-instead": instead })
    }
}

#[cfg(test)]
#[path = "../tests/unit/device.rs"]
mod tests;
