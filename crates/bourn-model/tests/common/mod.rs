//! GGUF files made for a test.

use std::path::Path;

use bourn_model::Bundle;

/// A metadata value.
#[derive(Clone)]
pub(crate) enum Meta {
    Int(u32),
    Float(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
}

/// A GGUF file that is still to be written.
#[derive(Clone, Default)]
pub(crate) struct GgufFile {
    pub(crate) metadata: Vec<(String, Meta)>,
    /// Name, shape from the outermost dimension on, values.
    pub(crate) tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u64).to_le_bytes(), value.as_bytes()].concat()
}

impl Meta {
    fn bytes(&self) -> Vec<u8> {
        let with = |kind: u32, rest: Vec<u8>| [kind.to_le_bytes().to_vec(), rest].concat();
        match self {
            Meta::Int(n) => with(4, n.to_le_bytes().to_vec()),
            Meta::Float(f) => with(6, f.to_le_bytes().to_vec()),
            Meta::Bool(b) => with(7, vec![u8::from(*b)]),
            Meta::Text(t) => with(8, text(t)),
            Meta::Texts(all) => {
                let head =
                    [8_u32.to_le_bytes().to_vec(), (all.len() as u64).to_le_bytes().to_vec()];
                with(9, [head.concat(), all.iter().flat_map(|t| text(t)).collect()].concat())
            }
        }
    }
}

impl GgufFile {
    /// The file of a llama, qwen2 or qwen3 in f32, with a vocabulary of made-up tokens.
    pub(crate) fn of(bundle: &Bundle) -> GgufFile {
        let (c, weights) = (&bundle.config, bundle.weights().unwrap());
        let name = c.family.name();
        let mut file = GgufFile::default();
        let int = |n: usize| Meta::Int(n as u32);
        for (key, value) in [
            ("block_count", int(c.num_layers)),
            ("context_length", int(c.max_position)),
            ("embedding_length", int(c.hidden_size)),
            ("feed_forward_length", int(c.intermediate_size)),
            ("attention.head_count", int(c.num_heads)),
            ("attention.head_count_kv", int(c.num_kv_heads)),
            ("attention.key_length", int(c.head_dim)),
            ("attention.layer_norm_rms_epsilon", Meta::Float(c.rms_norm_eps as f32)),
            ("rope.freq_base", Meta::Float(c.rope.theta as f32)),
        ] {
            file.set(&format!("{name}.{key}"), value);
        }
        file.set("general.architecture", Meta::Text(name.to_owned()));
        file.set("tokenizer.ggml.model", Meta::Text("gpt2".to_owned()));
        file.set("tokenizer.ggml.pre", Meta::Text("default".to_owned()));
        let tokens = (0..c.vocab_size).map(|id| format!("<{id}>")).collect();
        file.set("tokenizer.ggml.tokens", Meta::Texts(tokens));
        file.set("tokenizer.ggml.merges", Meta::Texts(Vec::new()));
        for (name, tensor) in weights.iter() {
            let heads = match () {
                () if name.contains("q_proj") => c.num_heads,
                () if name.contains("k_proj") => c.num_kv_heads,
                () => 0,
            };
            let mut data = tensor.data.to_vec();
            if heads > 0 && c.family == bourn_model::Family::Llama {
                data = interleaved(&data, heads, c.head_dim);
            }
            file.tensors.push((gguf_name(name), tensor.shape.clone(), data));
        }
        file
    }

    /// The same file with a key, which it has once.
    pub(crate) fn set(&mut self, key: &str, value: Meta) {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.to_owned(), value));
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let number = |n: usize| (n as u64).to_le_bytes().to_vec();
        let mut out = [b"GGUF".to_vec(), 3_u32.to_le_bytes().to_vec()].concat();
        out.extend(number(self.tensors.len()));
        out.extend(number(self.metadata.len()));
        for (key, value) in &self.metadata {
            out.extend(text(key));
            out.extend(value.bytes());
        }
        let mut data: Vec<u8> = Vec::new();
        for (name, shape, values) in &self.tensors {
            data.resize(data.len().next_multiple_of(32), 0);
            out.extend(text(name));
            out.extend((shape.len() as u32).to_le_bytes());
            out.extend(shape.iter().rev().flat_map(|&d| number(d)));
            out.extend(0_u32.to_le_bytes());
            out.extend(number(data.len()));
            data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(data);
        out
    }

    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.bytes()).unwrap();
    }
}

/// Rotate-half rows in the interleaved order that Llama-architecture files store.
fn interleaved(data: &[f32], heads: usize, head_dim: usize) -> Vec<f32> {
    let (half, width) = (head_dim / 2, data.len() / (heads * head_dim));
    let mut out = vec![0.0; data.len()];
    for head in 0..heads {
        for row in 0..head_dim {
            let to = head * head_dim + 2 * (row % half) + row / half;
            let from = head * head_dim + row;
            out[to * width..(to + 1) * width]
                .copy_from_slice(&data[from * width..(from + 1) * width]);
        }
    }
    out
}

fn gguf_name(name: &str) -> String {
    let names = [
        ("model.layers.", "blk."),
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    names.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}
