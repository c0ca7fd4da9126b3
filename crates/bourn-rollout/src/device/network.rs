//! The transformer's forward pass over rows of a cache, composed of Burn's operations.
//!
//! Every tensor has a shape that follows from the numbers of rows, of tokens a row and of cached
//! positions alone, and nothing is read back.

use bourn_model::ops::{Rotary, rms_norm, swiglu};
use bourn_model::{ModelConfig, Part, Rotation};
use burn::tensor::{Device, Int, Tensor, activation};

use crate::device::lanes::Lanes;
use crate::device::link::Link;

/// Weights of a layer; matrices are `[out, in]`, norms and biases `[1, n]`.
struct DeviceLayer {
    input_norm: Tensor<2>,
    /// Queries, keys and values one below the other.
    qkv: Tensor<2>,
    qkv_bias: Option<Tensor<2>>,
    /// Weights of the norms on each head's queries and keys (Qwen3).
    qk_norm: Option<(Tensor<2>, Tensor<2>)>,
    output: Tensor<2>,
    output_bias: Option<Tensor<2>>,
    mlp_norm: Tensor<2>,
    /// Gates and ups one below the other.
    gate_up: Tensor<2>,
    gate_up_bias: Option<Tensor<2>>,
    down: Tensor<2>,
    down_bias: Option<Tensor<2>>,
}

/// A model's weights on a device.
pub(crate) struct DeviceNetwork {
    pub(crate) config: ModelConfig,
    layers: Vec<DeviceLayer>,
    final_norm: Tensor<2>,
    /// `[vocab, hidden]`
    embedding: Tensor<2>,
    /// `[vocab, hidden]`; the embedding where they are tied.
    head: Tensor<2>,
    rotation: Rotation,
    /// Angles of the positions below the number.
    angles: Option<(usize, Rotary)>,
}

/// Tokens of one pass: as many of each row.
pub(crate) struct DeviceFed {
    /// `[rows * chunk]`, row after row.
    pub(crate) tokens: Tensor<1, Int>,
    /// `[rows, chunk]`
    pub(crate) positions: Tensor<2, Int>,
}

/// What is the same for every layer of a pass.
struct Pass {
    rows: usize,
    chunk: usize,
    rotary: Rotary,
    places: Tensor<2, Int>,
    mask: Tensor<5>,
}

impl DeviceNetwork {
    /// A network of the tensors that `get` gives for the names of
    /// [`ModelConfig::expected_tensors`], as matrices.
    pub(crate) fn new(config: &ModelConfig, get: impl Fn(&str) -> Tensor<2>) -> DeviceNetwork {
        let embedding = get(Part::Embedding.name());
        DeviceNetwork {
            config: config.clone(),
            layers: (0..config.num_layers)
                .map(|layer| DeviceLayer::new(config, layer, &get))
                .collect(),
            final_norm: get(Part::FinalNorm.name()),
            head: if config.tie_embeddings { embedding.clone() } else { get(Part::Head.name()) },
            embedding,
            rotation: config.rotation(),
            angles: None,
        }
    }

    /// Replaces the weights, layer after layer, so that no more than one of them is there twice.
    pub(crate) fn load(&mut self, get: impl Fn(&str) -> Tensor<2>) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            *layer = DeviceLayer::new(&self.config, index, &get);
        }
        self.final_norm = get(Part::FinalNorm.name());
        self.embedding = get(Part::Embedding.name());
        let tied = self.config.tie_embeddings;
        self.head = if tied { self.embedding.clone() } else { get(Part::Head.name()) };
    }

    /// Runs tokens of every row of the cache, writes their keys and values into it, and returns
    /// their final residuals, `[rows * chunk, hidden]`.
    pub(crate) fn forward(
        &mut self,
        fed: &DeviceFed,
        lanes: &mut Lanes,
        link: &mut Link,
    ) -> Tensor<2> {
        let [rows, chunk] = fed.positions.dims();
        link.counts.passes += 1;
        link.counts.rows += (rows * chunk) as u64;
        let rotary = self.angles(lanes.length, &link.device);
        let rotary = rotary.at(fed.positions.clone().reshape([rows * chunk]));
        let (places, mask) = (lanes.places(&fed.positions), lanes.mask(&fed.positions));
        let pass = Pass { rows, chunk, rotary, places, mask };
        let mut x = self.embedding.clone().select(0, fed.tokens.clone()); // [tokens, hidden]
        for layer in 0..self.layers.len() {
            x = self.attention(layer, x, &pass, lanes, link);
            x = self.mlp(layer, x, link);
        }
        x
    }

    /// Logits of final residuals `[n, hidden]`, `[n, vocab]`.
    pub(crate) fn logits(&self, x: Tensor<2>, link: &mut Link) -> Tensor<2> {
        let x = self.norm(x, &self.final_norm, link);
        linear(x, &self.head, link)
    }

    fn attention(
        &self,
        index: usize,
        x: Tensor<2>,
        pass: &Pass,
        lanes: &mut Lanes,
        link: &mut Link,
    ) -> Tensor<2> {
        let (layer, c) = (&self.layers[index], &self.config);
        let (tokens, dim) = (pass.rows * pass.chunk, c.head_dim);
        let (heads, kv_heads) = (c.num_heads, c.num_kv_heads);

        let n = self.norm(x.clone(), &layer.input_norm, link);
        let qkv = linear(n, &layer.qkv, link); // [tokens, (heads + 2 kv_heads) * dim]
        let qkv = biased(qkv, layer.qkv_bias.as_ref());
        // Queries and keys lie side by side: one call rotates both.
        let both = qkv.clone().narrow(1, 0, (heads + kv_heads) * dim);
        let mut both = both.reshape([tokens, heads + kv_heads, dim]);
        if let Some((queries, keys)) = &layer.qk_norm {
            let mut part = |start: usize, heads: usize, weight: &Tensor<2>| {
                let part = both.clone().narrow(1, start, heads).reshape([tokens * heads, dim]);
                self.norm(part, weight, link).reshape([tokens, heads, dim])
            };
            both = Tensor::cat(vec![part(0, heads, queries), part(heads, kv_heads, keys)], 1);
        }
        link.operation();
        let both = pass.rotary.apply(both);
        let queries = both.clone().narrow(1, 0, heads);
        let keys = both.narrow(1, heads, kv_heads).reshape([tokens * kv_heads, dim]);
        let values = qkv.narrow(1, (heads + kv_heads) * dim, kv_heads * dim);
        let values = values.reshape([tokens * kv_heads, dim]);
        lanes.write(index, &pass.places, keys, values, link);
        let mixed = self.mix(index, queries, pass, lanes, link);
        biased(x + linear(mixed, &layer.output, link), layer.output_bias.as_ref())
    }

    /// Attention of queries `[tokens, heads, dim]` over the cache, `[tokens, heads * dim]`. The query
    /// heads that share a key head stand below one another, so that nothing is repeated in memory.
    fn mix(
        &self,
        layer: usize,
        queries: Tensor<3>,
        pass: &Pass,
        lanes: &Lanes,
        link: &mut Link,
    ) -> Tensor<2> {
        link.operation();
        let &Pass { rows, chunk, .. } = pass;
        let (dim, kv_heads) = (self.config.head_dim, self.config.num_kv_heads);
        let (group, length) = (self.config.num_heads / kv_heads, lanes.length);
        let queries = queries.mul_scalar((dim as f64).sqrt().recip());
        let queries = if chunk == 1 {
            queries.reshape([rows, kv_heads, group, dim])
        } else {
            let queries = queries.reshape([rows, chunk, kv_heads, group, dim]);
            queries.permute([0, 2, 3, 1, 4]).reshape([rows, kv_heads, group * chunk, dim])
        };
        let (keys, values) = lanes.layer(layer);
        let scores = queries.matmul(keys.swap_dims(2, 3)); // [rows, kv_heads, group * chunk, length]
        let scores = scores.reshape([rows, kv_heads, group, chunk, length]) + pass.mask.clone();
        let weights = activation::softmax(scores, 4);
        let mixed = weights.reshape([rows, kv_heads, group * chunk, length]).matmul(values);
        if chunk == 1 {
            return mixed.reshape([rows, kv_heads * group * dim]);
        }
        let mixed = mixed.reshape([rows, kv_heads, group, chunk, dim]).permute([0, 3, 1, 2, 4]);
        mixed.reshape([rows * chunk, kv_heads * group * dim])
    }

    fn mlp(&self, layer: usize, x: Tensor<2>, link: &mut Link) -> Tensor<2> {
        let (layer, wide) = (&self.layers[layer], self.config.intermediate_size);
        let n = self.norm(x.clone(), &layer.mlp_norm, link);
        let gate_up = biased(linear(n, &layer.gate_up, link), layer.gate_up_bias.as_ref());
        link.operation();
        let inner = swiglu(gate_up.clone().narrow(1, 0, wide), gate_up.narrow(1, wide, wide));
        biased(x + linear(inner, &layer.down, link), layer.down_bias.as_ref())
    }

    fn norm(&self, x: Tensor<2>, weight: &Tensor<2>, link: &mut Link) -> Tensor<2> {
        link.operation();
        rms_norm(x, weight.clone(), self.config.rms_norm_eps)
    }

    /// Angles of at least `positions` positions, made once for each length of the cache.
    fn angles(&mut self, positions: usize, device: &Device) -> &Rotary {
        let known = self.angles.take().filter(|&(known, _)| known >= positions);
        let made = known.unwrap_or_else(|| {
            let all: Vec<usize> = (0..positions).collect();
            (positions, Rotary::new(&all, &self.rotation, device))
        });
        &self.angles.insert(made).1
    }
}

impl DeviceLayer {
    fn new(config: &ModelConfig, layer: usize, get: impl Fn(&str) -> Tensor<2>) -> DeviceLayer {
        let get = |part: Part| get(&part.in_layer(layer));
        let qkv = |parts: [Part; 3], dim| Tensor::cat(parts.map(get).to_vec(), dim);
        let norms = || (get(Part::QNorm), get(Part::KNorm));
        let (gate, up) = (get(Part::Gate), get(Part::Up));
        DeviceLayer {
            input_norm: get(Part::InputNorm),
            qkv: qkv(Part::QKV, 0),
            qkv_bias: config.qkv_bias.then(|| qkv(Part::QKV_BIAS, 1)),
            qk_norm: config.qk_norm.then(norms),
            output: get(Part::O),
            output_bias: config.output_bias.then(|| get(Part::OBias)),
            mlp_norm: get(Part::MlpNorm),
            gate_up: Tensor::cat(vec![gate, up], 0),
            gate_up_bias: config
                .mlp_bias
                .then(|| Tensor::cat(vec![get(Part::GateBias), get(Part::UpBias)], 1)),
            down: get(Part::Down),
            down_bias: config.mlp_bias.then(|| get(Part::DownBias)),
        }
    }
}

/// Rows with a bias, `[1, n]`, where there is one.
fn biased(x: Tensor<2>, bias: Option<&Tensor<2>>) -> Tensor<2> {
    match bias {
        Some(bias) => x + bias.clone(),
        None => x,
    }
}

/// `x Wᵀ` of rows `[n, in]`.
fn linear(x: Tensor<2>, weight: &Tensor<2>, link: &mut Link) -> Tensor<2> {
    link.operation();
    x.matmul(weight.clone().transpose())
}
