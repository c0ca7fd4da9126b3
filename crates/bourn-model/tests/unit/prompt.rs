use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::open_path;

const TEMPLATE: &str =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

fn bundle() -> Bundle {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/qwen2-tiny");
    let mut bundle = open_path(&dir).unwrap();
    bundle.chat_template = Some(ChatTemplate::new(TEMPLATE, &BTreeMap::new()));
    bundle
}

#[test]
fn a_conversation_is_rendered_as_it_is_and_never_half() {
    let bundle = bundle();
    let system = Message::new("system", "Be brief.");
    let user = Message::new("user", "1+1");
    let talk = [system.clone(), user.clone()];
    let plain = Prompter::new(&bundle, true, "").unwrap();
    assert_eq!(plain.render_messages(&talk).unwrap(), "<system>Be brief.<user>1+1<assistant>");
    // One message of a user is what its text is, to the token.
    assert_eq!(plain.render("1+1").unwrap(), "<user>1+1<assistant>");
    assert_eq!(plain.encode("1+1").unwrap(), plain.encode_messages(&[user.clone()]).unwrap());

    let asked = Prompter::new(&bundle, true, "Think.").unwrap();
    let rendered = asked.render_messages(&[user.clone()]).unwrap();
    assert_eq!(rendered, "<system>Think.<user>1+1<assistant>");
    let error = asked.encode_messages(&talk).unwrap_err().to_string();
    assert!(error.contains("`model.system_prompt` says another"), "{error}");

    let raw = Prompter::new(&bundle, false, "").unwrap();
    assert_eq!(raw.render("1+1").unwrap(), "1+1");
    let error = raw.encode_messages(&talk).unwrap_err().to_string();
    assert!(error.contains("`model.chat_template = true`"), "{error}");
}
