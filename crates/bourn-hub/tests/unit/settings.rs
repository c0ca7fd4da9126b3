use super::*;

#[test]
fn an_address_is_shown_without_its_password() {
    for (address, shown) in [
        ("https://hub.example", "https://hub.example"),
        ("https://me:secret@hub.example/a@b", "https://hub.example/a@b"),
        ("me:se@cret@hub.example", "hub.example"),
        ("", ""),
    ] {
        assert_eq!(without_user(address), shown, "{address}");
    }
}
