use std::sync::Mutex;

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

/// Nothing else in this binary opens a device that a panic may answer, so that the hook of this test
/// is the one that was there before.
#[test]
fn while_a_device_is_opened_only_its_own_panics_are_silent() {
    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or_default().to_owned();
        HEARD.lock().unwrap().push(said);
        before(panic);
    }));
    let thread = |name: &str, said: &'static str| {
        let builder = thread::Builder::new().name(name.into());
        builder.spawn(move || panic!("{said}")).unwrap().join().unwrap_err()
    };
    for opening in ["first opening", "second opening"] {
        let opened = quietly(|| {
            thread("worker", "elsewhere");
            thread("DSD-0-0", "no adapter");
            panic!("{opening}");
        });
        let payload = opened.map(|()| "opened").unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().map(String::as_str), Some(opening));
    }
    assert_eq!(quietly(|| 2).ok(), Some(2));
    thread("DSD-0-0", "later");
    catch_unwind(|| panic!("here, later")).unwrap_err();
    // Other tests of this binary may panic meanwhile.
    let of_this_test = ["elsewhere", "no adapter", "later", "here, later"];
    let heard = HEARD.lock().unwrap();
    let heard: Vec<&str> = heard
        .iter()
        .map(String::as_str)
        .filter(|said| of_this_test.contains(said) || said.ends_with("opening"))
        .collect();
    assert_eq!(heard, ["elsewhere", "elsewhere", "later", "here, later"]);
}
