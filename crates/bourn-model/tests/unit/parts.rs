use super::*;

#[test]
fn every_part_has_a_name_and_every_name_a_part() {
    for entry in &OF_MODEL {
        assert_eq!(entry.0.name(), entry.1);
        assert_eq!(Part::of(entry.1), Some((entry.0, None)));
    }
    for entry in &OF_LAYER {
        let name = entry.0.in_layer(12);
        assert_eq!(name, format!("model.layers.12.{}", entry.1));
        assert_eq!(Part::of(&name), Some((entry.0, Some(12))));
    }
    for strange in ["", "model.layers.x.mlp.up_proj.weight", "model.layers.01.mlp.up_proj.weight"] {
        assert_eq!(Part::of(strange), None, "{strange}");
    }
    assert_eq!(Part::of("model.layers.0.model.norm.weight"), None);
}

#[test]
fn names_in_gguf_files() {
    let check = |name: &str, expect: Option<&str>| {
        assert_eq!(Part::from_gguf(name).as_deref(), expect, "{name}");
    };
    check("token_embd.weight", Some("model.embed_tokens.weight"));
    check("output.weight", Some("lm_head.weight"));
    check("blk.0.attn_q.bias", Some("model.layers.0.self_attn.q_proj.bias"));
    check("blk.12.ffn_down.weight", Some("model.layers.12.mlp.down_proj.weight"));
    check("blk.1.attn_k_norm.weight", Some("model.layers.1.self_attn.k_norm.weight"));
    check("blk.0.attn_output.bias", Some("model.layers.0.self_attn.o_proj.bias"));
    check("blk.x.attn_q.weight", None);
    check("blk..attn_q.weight", None);
    check("blk.0.ffn_gate_exps.weight", None);
    check("blk.0", None);
    check("", None);
}
