//! The device that a recipe names, opened.

use std::panic::catch_unwind;

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
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let opened = catch_unwind(|| {
        let device = create(named);
        let ones = Tensor::<1>::from_data(TensorData::new(vec![1.0_f32; 2], [2]), &device);
        (ones.sum().try_to_vec_as::<f32>().ok() == Some(vec![2.0])).then_some(device)
    });
    std::panic::set_hook(hook);
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

fn built_for(named: Named) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_its_feature_names_the_build() {
        assert!(open_device(Named::Cpu).is_ok());
        for named in Named::all().filter(|&named| !built_for(named)) {
            let error = open_device(named).unwrap_err().to_string();
            let build = format!("--features {}`", named.feature());
            assert!(error.contains(&named.to_string()) && error.contains(&build), "{error}");
        }
    }
}
