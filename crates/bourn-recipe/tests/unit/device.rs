use super::*;

#[test]
fn names_lead_back_to_devices() {
    assert_eq!("cuda:3".parse(), Ok(Device::Cuda(3)));
    for device in Device::all() {
        assert_eq!(device.to_string().parse(), Ok(device));
    }
    for name in ["cuda", "cuda:8", "cuda:03", "gpu", "CPU", ""] {
        let error = name.parse::<Device>().unwrap_err();
        assert!(error.contains("cuda:0") && error.contains(name), "{error}");
    }
}

#[test]
fn names_that_others_have_are_answered_with_what_to_write() {
    let check = |name: &str, expect: &str| {
        let error = name.parse::<Device>().unwrap_err();
        assert!(error.contains(expect), "{name}: {error}");
    };
    check("gpu", "\"cuda:0\" for an NVIDIA GPU");
    check("cuda", "write \"cuda:0\"");
    check("mps", "\"metal\"");
    check("rocm", "\"vulkan\"");
    check("tpu", "there are cpu, cuda:0");
    // None of them is a device.
    for (names, _) in Device::INSTEAD {
        assert!(names.iter().all(|name| Device::all().all(|device| device.to_string() != **name)));
    }
}
