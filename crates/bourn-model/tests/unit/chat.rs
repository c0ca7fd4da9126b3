use super::*;

fn render(source: &str) -> Result<String, String> {
    let special = BTreeMap::from([("eos_token".to_owned(), "</s>".to_owned())]);
    let messages = [Message::new("system", "Be <brief>."), Message::new("user", " 7*8? ")];
    ChatTemplate::new(source, &special).render(&messages, true).map_err(|e| e.to_string())
}

fn check(source: &str, expect: &str) {
    assert_eq!(render(source).as_deref(), Ok(expect), "{source}");
}

#[test]
fn renders_as_transformers_does() {
    check("{{ messages[1]['content'].strip() }}{{ eos_token }}", "7*8?</s>");
    // Blocks take their line with them.
    check(
        "{% for m in messages %}\n  {% if loop.first %}\n{{ m.role }}\n  {% endif %}\n{% endfor %}\n",
        "system\n",
    );
    check("{%- for m in messages -%} {{ m.role[:1] }} {%- break -%} {%- endfor -%}", "s");
    check("{% if add_generation_prompt %}A:{% endif %}{{ bos_token }}", "A:");
    check("{% if tools is none and documents is none and not x is defined %}ok{% endif %}", "ok");
    check("{% generation %}a{% endgeneration %}{%- generation -%} b {%- endgeneration -%}", "ab");
    check("{{ strftime_now('%d %b %Y, 100%%') }}", "26 Jul 2024, 100%");
    check(
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
        "2",
    );
    check("{{ 'a<think>b</think>c'.split('</think>')[-1].lstrip('\\n') }}", "c");
}

/// json.dumps(x, ensure_ascii=False): order kept, `, ` and `: `, nothing escaped for HTML.
#[test]
fn tojson_is_pythons() {
    check("{{ messages[0] | tojson }}", r#"{"role": "system", "content": "Be <brief>."}"#);
    check("{{ {'b': [1, 2.5], 'a': 'é&\\''} | tojson }}", r#"{"b": [1, 2.5], "a": "é&'"}"#);
    check("{{ {'a': [1]} | tojson(indent=2) }}", "{\n  \"a\": [\n    1\n  ]\n}");
    check("{{ none | tojson }} {{ true | tojson }}", "null true");
}

#[test]
fn refusals_say_what_the_template_says() {
    let check = |source: &str, expect: &str| {
        let message = render(source).unwrap_err();
        assert!(message.contains(expect), "`{expect}` is not in: {message}");
    };
    check("{{ raise_exception('System role not supported') }}", "System role not supported");
    check("{% for m in messages %}", "unexpected end of input");
    check("{{ unknown() }}", "unknown");
    check("{{ strftime_now('%Q') }}", "strftime_now does not know the format `%Q`");
    check("{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}", "fuel");
}

/// What a template says of itself, and what it writes, is bounded.
#[test]
fn sizes_are_bounded() {
    let check = |source: &str, expect: &str| {
        let message = render(source).unwrap_err();
        assert!(message.contains(expect), "`{expect}` is not in: {message}");
        assert!(message.len() < 1000, "{} bytes", message.len());
    };
    check("{{ raise_exception('x' * 100000) }}", "xxx…");
    check("{% for i in range(9) %}{{ 'x' * 200000 }}{% endfor %}", "the prompt is longer than 10");
    check(&" ".repeat(300_000), "it has 300000 bytes, and may have 262144 at most");
}

#[test]
fn an_error_names_the_file() {
    let template = ChatTemplate::new("{{ x( }}", &BTreeMap::new()).read_from("m/t.jinja");
    let message = template.render(&[], true).unwrap_err().to_string();
    assert!(message.starts_with("m/t.jinja: chat template: syntax error"), "{message}");
}
