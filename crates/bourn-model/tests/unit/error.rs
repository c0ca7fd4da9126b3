use super::*;

#[test]
fn what_a_device_does_not_give_back_is_named_where_it_has_a_name() {
    let read = || ModelError::Read { shape: vec![2, 3], message: "it is gone".into() };
    let text = read().to_string();
    assert_eq!(text, "values of shape [2, 3] cannot be read back from the device: it is gone");
    let text = read().of_tensor("lm_head.weight").to_string();
    assert_eq!(text, "tensor `lm_head.weight` cannot be read back from the device: it is gone");
    let other = ModelError::NotFound("x".into());
    assert!(matches!(other.of_tensor("lm_head.weight"), ModelError::NotFound(_)));
}
