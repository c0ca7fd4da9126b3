//! The transformer's forward pass over rows of tokens, on packed weights.
//!
//! A row is one token of one sequence. Everything but attention treats rows alone, and attention
//! reads only the row's own sequence, so that no row's numbers depend on the others.

use bourn_kernel::{
    KernelError, PackedMatrix, Storage, add_to_rows, matmul, matmul_add, rms_norm, rms_norm_heads,
    rope, swiglu,
};
use bourn_model::{ModelConfig, Part, Rotation, Values, Weights};

use crate::batch::{self, Batch, Segment};
use crate::cache::{CacheShape, CachedSequence};
use crate::error::RolloutError;

struct PackedLayer {
    input_norm: Vec<f32>,
    qkv: PackedMatrix,
    qkv_bias: Option<Vec<f32>>,
    /// Weights of the norms on each head's queries and keys (Qwen3).
    qk_norm: Option<(Vec<f32>, Vec<f32>)>,
    output: PackedMatrix,
    output_bias: Option<Vec<f32>>,
    mlp_norm: Vec<f32>,
    gate_up: PackedMatrix,
    gate_up_bias: Option<Vec<f32>>,
    down: PackedMatrix,
    down_bias: Option<Vec<f32>>,
}

impl PackedLayer {
    fn empty(storage: Storage) -> PackedLayer {
        let matrix = || PackedMatrix::empty(storage);
        PackedLayer {
            input_norm: Vec::new(),
            qkv: matrix(),
            qkv_bias: None,
            qk_norm: None,
            output: matrix(),
            output_bias: None,
            mlp_norm: Vec::new(),
            gate_up: matrix(),
            gate_up_bias: None,
            down: matrix(),
            down_bias: None,
        }
    }
}

/// A model's weights as the kernels read them: matrices as the storage says, norms and biases in f32.
pub(crate) struct Network {
    pub(crate) config: ModelConfig,
    pub(crate) cache: CacheShape,
    storage: Storage,
    layers: Vec<PackedLayer>,
    final_norm: Vec<f32>,
    head: PackedMatrix,
    /// Looked up by rows; empty when tied, where they are read back out of `head`.
    embedding: PackedMatrix,
    angles: Angles,
}

impl Network {
    pub(crate) fn new(
        config: &ModelConfig,
        weights: &Weights,
        storage: Storage,
    ) -> Result<Network, RolloutError> {
        let mut network = Network::empty(config, storage);
        network.load(weights)?;
        Ok(network)
    }

    /// Packs the weights one by one and gives each one's own memory up.
    pub(crate) fn consuming(
        config: &ModelConfig,
        weights: Weights,
        storage: Storage,
    ) -> Result<Network, RolloutError> {
        let mut network = Network::empty(config, storage);
        network.refill(weights)?;
        Ok(network)
    }

    /// [`Network::load`], giving each tensor's own memory up.
    pub(crate) fn refill(&mut self, mut weights: Weights) -> Result<(), RolloutError> {
        check(&self.config, &weights)?;
        self.pack(|name| weights.remove(name).map(|host| host.data).unwrap_or_default())
    }

    fn empty(config: &ModelConfig, storage: Storage) -> Network {
        Network {
            config: config.clone(),
            cache: CacheShape::new(config),
            storage,
            layers: (0..config.num_layers).map(|_| PackedLayer::empty(storage)).collect(),
            final_norm: Vec::new(),
            head: PackedMatrix::empty(storage),
            embedding: PackedMatrix::empty(storage),
            angles: Angles::new(config),
        }
    }

    /// Packs new weights into the memory of the old. On an error nothing has changed.
    pub(crate) fn load(&mut self, weights: &Weights) -> Result<(), RolloutError> {
        check(&self.config, weights)?;
        self.pack(|name| weights[name].data.clone())
    }

    /// `get` is asked once for each of `expected_tensors`, which have been checked.
    fn pack(&mut self, mut get: impl FnMut(&str) -> Values) -> Result<(), RolloutError> {
        let Network { config: c, layers, final_norm, head, embedding, .. } = self;
        let (hidden, wide) = (c.hidden_size, c.intermediate_size);
        let (q, kv) = (c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim);

        for (index, layer) in layers.iter_mut().enumerate() {
            let mut get = |part: Part| get(&part.in_layer(index));
            replace(&mut layer.input_norm, &get(Part::InputNorm));
            replace(&mut layer.mlp_norm, &get(Part::MlpNorm));
            let [wq, wk, wv] = Part::QKV.map(&mut get);
            layer.qkv.repack(hidden, &[(q, &wq), (kv, &wk), (kv, &wv)])?;
            layer.qkv_bias =
                c.qkv_bias.then(|| Part::QKV_BIAS.map(|part| get(part).to_vec()).concat());
            layer.qk_norm = c.qk_norm.then(|| {
                let mut norm = |part| get(part).to_vec();
                (norm(Part::QNorm), norm(Part::KNorm))
            });
            layer.output.repack(q, &[(hidden, &get(Part::O))])?;
            let (gate, up) = (get(Part::Gate), get(Part::Up));
            layer.gate_up.repack(hidden, &[(wide, &gate), (wide, &up)])?;
            layer.down.repack(wide, &[(hidden, &get(Part::Down))])?;
            layer.output_bias = c.output_bias.then(|| get(Part::OBias).to_vec());
            layer.gate_up_bias = c
                .mlp_bias
                .then(|| [Part::GateBias, Part::UpBias].map(|part| get(part).to_vec()).concat());
            layer.down_bias = c.mlp_bias.then(|| get(Part::DownBias).to_vec());
        }
        replace(final_norm, &get(Part::FinalNorm.name()));
        let table = get(Part::Embedding.name());
        if c.tie_embeddings {
            head.repack(hidden, &[(c.vocab_size, &table)])?;
        } else {
            embedding.repack(hidden, &[(c.vocab_size, &table)])?;
            head.repack(hidden, &[(c.vocab_size, &get(Part::Head.name()))])?;
        }
        Ok(())
    }

    /// Gives the memory of the weights back.
    pub(crate) fn release(&mut self) {
        let storage = self.storage;
        self.layers.fill_with(|| PackedLayer::empty(storage));
        self.head = PackedMatrix::empty(storage);
        self.embedding = PackedMatrix::empty(storage);
    }

    /// How the matrices are kept.
    pub(crate) fn storage(&self) -> Storage {
        self.storage
    }

    /// Whether there are no weights.
    pub(crate) fn is_released(&self) -> bool {
        self.head.outputs() == 0
    }

    /// Makes the rotary angles of positions below `positions` ready.
    pub(crate) fn prepare(&mut self, positions: usize) {
        self.angles.extend(positions.min(self.config.max_position));
    }

    /// Runs the rows of `batch`, writes their keys and values into the caches, and leaves their
    /// final residuals in `state`. `sequences[i]` has room for the positions of `segments[i]`.
    pub(crate) fn forward(
        &self,
        batch: &Batch,
        sequences: &mut [&mut CachedSequence],
        state: &mut NetworkState,
    ) -> Result<(), KernelError> {
        let c = &self.config;
        let (rows, hidden, wide) = (batch.tokens.len(), c.hidden_size, c.intermediate_size);
        let (q, kv) = (c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim);
        let stride = q + 2 * kv;
        let eps = c.rms_norm_eps as f32;

        let x = sized(&mut state.x, rows * hidden); // [rows, hidden]
        let normed = sized(&mut state.normed, rows * hidden);
        let qkv = sized(&mut state.qkv, rows * stride); // [rows, q + k + v]
        let mixed = sized(&mut state.mixed, rows * q); // [rows, q]
        let gate_up = sized(&mut state.gate_up, rows * 2 * wide); // [rows, gate + up]
        let inner = sized(&mut state.inner, rows * wide);
        self.angles.gather(&batch.segments, &mut state.cos, &mut state.sin);

        for (x, &token) in x.chunks_exact_mut(hidden).zip(&batch.tokens) {
            self.embed(token as usize, x)?;
        }
        for (index, layer) in self.layers.iter().enumerate() {
            rms_norm(x, &layer.input_norm, eps, normed)?;
            matmul(normed, rows, &layer.qkv, layer.qkv_bias.as_deref(), qkv)?;
            if let Some((queries, keys)) = &layer.qk_norm {
                rms_norm_heads(qkv, stride, 0, c.num_heads, queries, eps)?;
                rms_norm_heads(qkv, stride, q, c.num_kv_heads, keys, eps)?;
            }
            // Queries and keys lie side by side: one call rotates both.
            rope(qkv, stride, c.num_heads + c.num_kv_heads, c.head_dim, &state.cos, &state.sin)?;
            let heads = batch::SegmentHeads {
                cache: self.cache,
                layer: index,
                kv_heads: c.num_kv_heads,
                group: c.num_heads / c.num_kv_heads,
                head_dim: c.head_dim,
            };
            heads.write(batch, sequences, qkv)?;
            heads.attend(batch, sequences, qkv, mixed)?;
            matmul_add(mixed, rows, &layer.output, x)?;
            add_bias(x, layer.output_bias.as_deref())?;

            rms_norm(x, &layer.mlp_norm, eps, normed)?;
            matmul(normed, rows, &layer.gate_up, layer.gate_up_bias.as_deref(), gate_up)?;
            swiglu(gate_up, wide, inner)?;
            matmul_add(inner, rows, &layer.down, x)?;
            add_bias(x, layer.down_bias.as_deref())?;
        }
        for (sequence, segment) in sequences.iter_mut().zip(&batch.segments) {
            sequence.len = segment.start + segment.rows.len();
        }
        Ok(())
    }

    /// Logits of some rows of the last forward pass, `[rows.len(), vocab]`.
    pub(crate) fn logits<'a>(
        &self,
        rows: &[usize],
        state: &'a mut NetworkState,
    ) -> Result<&'a [f32], KernelError> {
        let (hidden, vocab) = (self.config.hidden_size, self.config.vocab_size);
        let chosen = sized(&mut state.normed, rows.len() * hidden);
        let normed = sized(&mut state.mixed, rows.len() * hidden);
        for (chosen, &row) in chosen.chunks_exact_mut(hidden).zip(rows) {
            chosen.copy_from_slice(&state.x[row * hidden..(row + 1) * hidden]);
        }
        rms_norm(chosen, &self.final_norm, self.config.rms_norm_eps as f32, normed)?;
        let logits = sized(&mut state.logits, rows.len() * vocab);
        matmul(normed, rows.len(), &self.head, None, logits)?;
        Ok(logits)
    }

    pub(crate) fn logit_rows(&self) -> usize {
        logit_rows(&self.config)
    }

    fn embed(&self, token: usize, out: &mut [f32]) -> Result<(), KernelError> {
        let table = if self.config.tie_embeddings { &self.head } else { &self.embedding };
        table.copy_row(token, out)
    }
}

/// Bytes that a forward pass works in, at most, whatever the batch.
pub fn working_bytes(config: &ModelConfig) -> u64 {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    let (q, kv) = (config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim);
    // As `NetworkState` has them; a product packs its input once more.
    let row = 2 * hidden + 2 * q + 2 * kv + 3 * wide + config.head_dim + wide.max(hidden);
    let logits = logit_rows(config) * config.vocab_size;
    4 * (batch::MAX_ROWS * row + logits) as u64
}

/// Rows whose logits are computed at once: few enough that they stay below about 32 MB, enough
/// that the head's weights are not read for a handful of rows.
fn logit_rows(config: &ModelConfig) -> usize {
    ((8 << 20) / config.vocab_size).clamp(16, batch::MAX_ROWS)
}

/// Working memory of a forward pass, reused from call to call.
#[derive(Default)]
pub(crate) struct NetworkState {
    x: Vec<f32>,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    gate_up: Vec<f32>,
    inner: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    logits: Vec<f32>,
}

/// Cosines and sines of the rotary embedding, `[position][head_dim / 2]`, as far as needed so far.
struct Angles {
    rotation: Rotation,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Angles {
    fn new(config: &ModelConfig) -> Angles {
        Angles { rotation: config.rotation(), cos: Vec::new(), sin: Vec::new() }
    }

    fn extend(&mut self, positions: usize) {
        let known = self.cos.len() / self.rotation.pairs().max(1);
        for position in known..positions {
            for (cos, sin) in self.rotation.at(position) {
                self.cos.push(cos);
                self.sin.push(sin);
            }
        }
    }

    /// The angles of each row, `[rows, head_dim / 2]`.
    fn gather(&self, segments: &[Segment], cos: &mut Vec<f32>, sin: &mut Vec<f32>) {
        let half = self.rotation.pairs();
        cos.clear();
        sin.clear();
        for segment in segments {
            let range = segment.start * half..(segment.start + segment.rows.len()) * half;
            cos.extend_from_slice(&self.cos[range.clone()]);
            sin.extend_from_slice(&self.sin[range]);
        }
    }
}

/// The first `len` values of a buffer that grows as needed; what they hold is to be overwritten.
fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Adds a bias to every row, where there is one.
fn add_bias(x: &mut [f32], bias: Option<&[f32]>) -> Result<(), KernelError> {
    bias.map_or(Ok(()), |bias| add_to_rows(x, bias))
}

fn replace(to: &mut Vec<f32>, from: &[f32]) {
    to.clear();
    to.extend_from_slice(from);
}

/// Checks that the weights are those of the configuration.
pub(crate) fn check(config: &ModelConfig, weights: &Weights) -> Result<(), RolloutError> {
    let found = |name: &str| weights.get(name).map(|host| (&host.shape[..], host.data.len()));
    config
        .check_tensors(found)
        .map_err(|error| RolloutError::Weights { problem: error.to_string() })
}
