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
