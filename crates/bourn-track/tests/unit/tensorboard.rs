use std::collections::BTreeSet;

use super::*;

/// Reads a file back frame by frame, checking both checksums of each.
pub(crate) fn read_events(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let crc = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        assert_eq!(crc(8), bitwise_masked_crc(&rest[..8]));
        assert_eq!(crc(12 + length), bitwise_masked_crc(&rest[12..12 + length]));
        events.push(Event::decode(&rest[12..12 + length]).unwrap());
        rest = &rest[16 + length..];
    }
    events
}

/// The one value of a summary.
pub(crate) fn value(event: &Event) -> &Value {
    match &event.what {
        Some(What::Summary(summary)) if summary.value.len() == 1 => &summary.value[0],
        what => panic!("{what:?} is not one value"),
    }
}

/// CRC-32C from its definition: division by the reflected Castagnoli polynomial, bit by bit.
fn bitwise_masked_crc(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    // The mask, in 64 bits: the word beside itself, from its fifteenth bit.
    let doubled = u64::from(crc) << 32 | u64::from(crc);
    ((doubled >> 15) as u32).wrapping_add(0xa282_ead8)
}

/// TensorFlow's record format, made by hand: length as u64, masked CRC-32C of the length, the
/// message, masked CRC-32C of the message, all little-endian.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let crc = |data| bitwise_masked_crc(data).to_le_bytes();
    [&length[..], &crc(&length), message, &crc(message)].concat()
}

#[test]
fn records_are_framed_as_tensorflow_frames_them() {
    // The check value of CRC-32C in the catalogue of CRC algorithms, 0xe306_9283, with the mask.
    assert_eq!(bitwise_masked_crc(b"123456789"), 0xc78a_b0e5);
    for message in [b"".as_slice(), b"a", b"123456789", &[0; 100], &[0xff; 70_000]] {
        assert_eq!(framed(message), frame(message), "{} bytes", message.len());
    }
}

#[test]
fn an_event_file_is_its_events_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path(), None).unwrap();
    writer.scalar("x", 7, 0.5).unwrap();
    writer.flush().unwrap();
    let bytes = fs::read(writer.path()).unwrap();
    let stamps: Vec<f64> = read_events(writer.path()).iter().map(|e| e.wall_time).collect();
    // Each field by its number and type: wall_time 1 (double), step 2 and file_version 3, summary 5.
    let version = [&[0x09], &stamps[0].to_le_bytes()[..], b"\x1a\x0dbrain.Event:2"].concat();
    let scalar = [
        &[0x09],
        &stamps[2].to_le_bytes()[..],
        b"\x10\x07\x2a\x0a\x0a\x08\x0a\x01x\x15",
        &0.5f32.to_le_bytes(),
    ];
    // session_log 7, in it status 1 (an enum): START is 1. The step is 0, which is not written.
    let start = [&[0x09], &stamps[1].to_le_bytes()[..], b"\x3a\x02\x08\x01"].concat();
    assert_eq!(bytes, [frame(&version), frame(&start), frame(&scalar.concat())].concat());
}

#[test]
fn every_summary_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(&dir.path().join("new/dir"), Some(3)).unwrap();
    let path = writer.path().to_path_buf();
    let picture = Picture { width: 900, height: 600, png: vec![1, 2, 3] };
    writer.scalar("a/b@1", 3, 0.25).unwrap();
    writer.scalar("nan", 4, f64::NAN).unwrap();
    writer.histogram("h", 5, &[0.0, 1.0]).unwrap();
    writer.text("t", 6, "# ü").unwrap();
    writer.image("i", 7, &picture).unwrap();
    writer.close().unwrap();

    let events = read_events(&path);
    let steps: Vec<i64> = events.iter().map(|e| e.step).collect();
    assert_eq!(steps, [0, 3, 3, 4, 5, 6, 7]);
    assert_eq!(events[0].what, Some(What::FileVersion("brain.Event:2".into())));
    let start = SessionLog { status: SessionStatus::Start.into() };
    assert_eq!(events[1].what, Some(What::SessionLog(start)));
    let content = |i: usize| value(&events[i]).content.clone().unwrap();
    assert_eq!((value(&events[2]).tag.as_str(), content(2)), ("a/b@1", Content::Scalar(0.25)));
    assert!(matches!(content(3), Content::Scalar(nan) if nan.is_nan()));
    assert!(matches!(content(4), Content::Histogram(histogram) if histogram.num == 2.0));
    assert_eq!(content(5), Content::Tensor(Tensor::string("# ü")));
    assert_eq!(value(&events[5]).metadata, Some(Metadata::of("text")));
    assert!(
        matches!(content(6), Content::Image(image) if (image.width, image.height) == (900, 600))
    );
    assert!(events.iter().all(|e| e.wall_time > 1.6e9), "seconds since 1970");
}

#[test]
fn writers_of_one_directory_never_share_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let writers: Vec<_> = (0..20).map(|_| EventWriter::create(dir.path(), None).unwrap()).collect();
    let paths: BTreeSet<_> = writers.iter().map(|w| w.path().to_path_buf()).collect();
    assert_eq!(paths.len(), 20);
    // Even at the same nanosecond, and the names stay in the order of creation.
    let now = Duration::new(1_700_000_000, 5);
    let first = create_unique(dir.path(), now).unwrap();
    let second = create_unique(dir.path(), now).unwrap();
    assert!(first.path() < second.path());
    let later = create_unique(dir.path(), now + Duration::from_secs(1)).unwrap();
    assert!(second.path() < later.path());
}

#[test]
fn dropping_a_writer_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path(), None).unwrap();
    let path = writer.path().to_path_buf();
    for step in 0..5000 {
        writer.scalar("x", step, 1.0).unwrap();
    }
    drop(writer);
    assert_eq!(read_events(&path).len(), 5002);
}

#[test]
fn histograms() {
    let check = |values: &[f64], limits: &[f64], counts: &[f64]| {
        let h = histogram(values).unwrap();
        let used = |i: &usize| h.counts[*i] > 0.0;
        let filled: Vec<usize> = (0..h.counts.len()).filter(used).collect();
        let at = |list: &[f64]| filled.iter().map(|&i| list[i]).collect::<Vec<_>>();
        assert_eq!(at(&h.counts), counts, "{values:?}");
        for (got, expect) in at(&h.limits).iter().zip(limits) {
            // Two roundings of the weighted ends.
            assert!((got - expect).abs() <= 4.0 * f64::EPSILON * expect.abs(), "{got} {expect}");
        }
        assert_eq!(h.num, values.len() as f64);
        assert_eq!(h.counts.iter().sum::<f64>(), h.num);
        assert!(h.limits.is_sorted());
        assert_eq!(h.limits.last(), Some(&h.max));
        assert_eq!(h.sum, values.iter().sum::<f64>());
    };
    check(&[0.5, 0.5, 0.5], &[0.5], &[3.0]);
    check(&[-2.0], &[-2.0], &[1.0]);
    // Thirty buckets of width 1: the first holds [0, 1), the last [29, 30].
    check(&[0.0, 0.5, 29.5, 30.0], &[1.0, 30.0], &[2.0, 2.0]);
    check(&[0.0, 14.5, 30.0], &[1.0, 15.0, 30.0], &[1.0, 1.0, 1.0]);
    check(&[f64::MIN, f64::MAX], &[f64::MIN + f64::MAX / 15.0, f64::MAX], &[1.0, 1.0]);
}

#[test]
fn bad_input_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path(), None).unwrap();
    let check = |result: Result<(), TrackError>, expect: &str| {
        assert_eq!(result.unwrap_err().to_string(), expect);
    };
    check(writer.histogram("h", 1, &[]), "histogram `h` at step 1: there are no values");
    check(writer.histogram("h", 1, &[0.0, f64::NAN]), "histogram `h` at step 1: value 1 is NaN");
    check(
        writer.scalar("s", u64::MAX, 0.0),
        "step 18446744073709551615 of `s` is larger than an event file can hold",
    );
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = EventWriter::create(&file, None).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot create `{}`", file.display())), "{error}");
    // Nothing of what failed was written.
    let path = writer.path().to_path_buf();
    writer.close().unwrap();
    assert_eq!(read_events(&path).len(), 2);
}
