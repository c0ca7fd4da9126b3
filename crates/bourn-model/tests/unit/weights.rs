use super::*;

#[test]
fn values_are_shared_until_they_are_written_to() {
    let values = Values::from(vec![1.0, 2.0, 3.0, 4.0]);
    let mut copy = values.clone();
    assert_eq!(copy.as_ptr(), values.as_ptr());
    let tensor = values.to_tensor([2, 2], &Device::flex());
    let read = Values::of(&tensor).unwrap();
    assert_eq!(read.as_ptr(), values.as_ptr());
    copy[0] = 5.0;
    assert_eq!((copy[0], values[0], read[0]), (5.0, 1.0, 1.0));
    // Nothing shares them any more: written in place.
    drop((values, read));
    let tensor = tensor.mul_scalar(2.0);
    assert_eq!(*Values::of(&tensor).unwrap(), [2.0, 4.0, 6.0, 8.0]);
}
