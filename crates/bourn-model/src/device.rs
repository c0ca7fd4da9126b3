//! The device that a recipe names, opened.

use std::cell::Cell;
use std::panic::{self, UnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bourn_recipe::Device as Named;
use burn::tensor::{Device, Tensor, TensorData};

use crate::ModelError;

/// Opens a device and computes one sum on it, so that a missing driver is found before anything else
/// is done.
///
/// # Errors
/// This binary was built without it, or the machine does not have it.
pub fn open_device(named: Named) -> Result<Device, ModelError> {
    if named == Named::Cpu {
        return Ok(Device::flex());
    }
    let error = |message: String| ModelError::Device { device: named.to_string(), message };
    if !built_for(named) {
        let feature = named.feature();
        let message = format!(
            "this binary was built without it; build one with `cargo build --release --features {feature}`"
        );
        return Err(error(message));
    }
    // Burn answers a missing driver or adapter with a panic, of which a user should see no more than
    // the message.
    let opened = quietly(|| {
        let device = create(named);
        let ones = Tensor::<1>::from_data(TensorData::new(vec![1.0_f32; 2], [2]), &device);
        (ones.sum().try_to_vec_as::<f32>().ok() == Some(vec![2.0])).then_some(device)
    });
    match opened {
        Ok(Some(device)) => Ok(device),
        Ok(None) => Err(error("it computes 1 + 1 wrongly; its driver is broken".into())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            let line = text.lines().next().unwrap_or_default();
            Err(error(format!("no adapter and driver answer to it ({line})")))
        }
    }
}

thread_local! {
    /// Whether this thread is opening a device.
    static OPENING: Cell<bool> = const { Cell::new(false) };
}

/// Threads that are opening a device now.
static OPENINGS: AtomicUsize = AtomicUsize::new(0);

/// Runs `open`, whose panic is an answer and is not shown. What panics elsewhere meanwhile is.
fn quietly<T>(open: impl FnOnce() -> T + UnwindSafe) -> thread::Result<T> {
    // One hook for the process, put in front of the one that was there: a hook that is swapped for the
    // time of an opening loses what other threads have to say in that time.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !is_opening() {
                before(panic);
            }
        }));
    });
    OPENINGS.fetch_add(1, Ordering::Relaxed);
    let outer = OPENING.replace(true);
    let opened = catch_unwind(open);
    OPENING.set(outer);
    OPENINGS.fetch_sub(1, Ordering::Relaxed);
    opened
}

/// Whether a panic of this thread is one of opening a device. CubeCL opens it on a thread of its own,
/// `DSU-…` or `DSD-…` (cubecl-common, `device/handle/channel.rs`), and the thread that waits for it
/// panics after that.
fn is_opening() -> bool {
    let of_cubecl = |name: &str| name.starts_with("DSU-") || name.starts_with("DSD-");
    OPENING.get()
        || OPENINGS.load(Ordering::Relaxed) > 0 && thread::current().name().is_some_and(of_cubecl)
}

/// Whether this binary can compute on such a device, where the machine has one.
pub fn built_for(named: Named) -> bool {
    match named {
        Named::Cpu => true,
        Named::Cuda(_) => cfg!(feature = "cuda"),
        Named::Wgpu => cfg!(feature = "wgpu"),
        Named::Vulkan => cfg!(feature = "vulkan"),
        Named::Metal => cfg!(feature = "metal"),
    }
}

/// The device, which this binary was built for.
fn create(named: Named) -> Device {
    match named {
        #[cfg(feature = "cuda")]
        Named::Cuda(index) => Device::cuda(index),
        #[cfg(feature = "wgpu")]
        Named::Wgpu => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(feature = "vulkan")]
        Named::Vulkan => Device::vulkan(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(feature = "metal")]
        Named::Metal => Device::metal(burn::tensor::DeviceKind::DefaultDevice),
        _ => Device::flex(),
    }
}

/// Whether tensors of this device lie where the CPU's kernels read them, with automatic
/// differentiation or without.
pub fn is_cpu(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

#[cfg(test)]
#[path = "../tests/unit/device.rs"]
mod tests;
