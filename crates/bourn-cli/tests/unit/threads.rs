use super::refusal;

#[test]
fn more_threads_than_cores_and_what_is_no_number_are_refused() {
    for (value, part) in [
        ("0", None),
        ("1", None),
        ("4", None),
        ("+4", None),
        ("5", Some("T=5 asks for more threads than there are cores: 4 are taken")),
        ("99999", Some("T=99999 asks for more")),
        ("99999999999999999999999", Some("asks for more threads")),
        ("-1", Some("T=-1 is not a number of threads")),
        ("many", Some("T=many is not a number of threads: 4 are taken, one a core")),
        ("1.5", Some("T=1.5 is not a number of threads")),
    ] {
        let said = refusal("T", value, 4);
        match part {
            None => assert_eq!(said, None, "{value}"),
            Some(part) => assert!(said.is_some_and(|said| said.contains(part)), "{value}"),
        }
    }
}
