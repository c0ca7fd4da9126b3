//! Rotary position embedding: by which angle each pair of a head is turned at a position, with the
//! scalings by which `transformers` lengthens contexts.

use std::f64::consts::PI;

use serde::Serialize;

use crate::ModelConfig;

/// Rotary position embedding, over the whole head, rotate-half.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rope {
    /// Base of the geometric series of wavelengths.
    pub theta: f64,
    /// How the wavelengths are stretched, if they are.
    pub scaling: Option<RopeScaling>,
}

/// How RoPE's wavelengths are stretched for contexts longer than those of the first training.
///
/// In canonical JSON each kind is told by its own names of fields: that of Llama 3.x is in the keys of
/// ledgers without any other mark.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RopeScaling {
    /// Llama 3.x's.
    Llama3(Llama3Scaling),
    /// Every wavelength by the same factor (position interpolation, Chen et al. 2023).
    Linear {
        /// How far.
        #[serde(rename = "linear_factor")]
        factor: f64,
    },
    /// A base that grows with sequences beyond the context (NTK-aware, as `transformers` has it). In
    /// the context it changes nothing, and longer sequences there are none of.
    Dynamic {
        /// How far, beyond the context.
        #[serde(rename = "dynamic_factor")]
        factor: f64,
    },
    /// YaRN.
    Yarn(YarnScaling),
}

/// Llama 3.x's RoPE scaling: wavelengths above `original_max_position / low_freq_factor` are
/// stretched by `factor`, those below `original_max_position / high_freq_factor` are left alone,
/// and the frequencies between are interpolated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Llama3Scaling {
    /// How far the long wavelengths are stretched.
    pub factor: f64,
    /// See the type.
    pub low_freq_factor: f64,
    /// See the type; greater than `low_freq_factor`.
    pub high_freq_factor: f64,
    /// Longest sequence of the original training, in tokens.
    pub original_max_position: usize,
}

/// YaRN (Peng et al. 2023): pairs that turn more than `beta_fast` times in the original context are left
/// alone, those that turn less than `beta_slow` times are stretched by `factor`, and between them is a
/// ramp over pairs; rotated queries and keys are `attention_factor` times as long.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct YarnScaling {
    /// How far the long wavelengths are stretched.
    pub factor: f64,
    /// Longest sequence of the original training, in tokens.
    pub original_max_position: usize,
    /// Turns above which a pair is left alone.
    pub beta_fast: f64,
    /// Turns below which a pair is stretched; at most `beta_fast`.
    pub beta_slow: f64,
    /// What cosines and sines are multiplied by.
    pub attention_factor: f64,
    /// Whether the ramp begins and ends at whole pairs.
    pub truncate: bool,
}

/// A key of a RoPE scaling at fault, and what is wrong.
type Fault = (&'static str, String);

impl Rope {
    /// Bounds; the key at fault by its Hugging Face name.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        // `contains` is false for NaN, so one test refuses it too.
        if !(1.0..=1e12).contains(&self.theta) {
            return Err(("rope_theta", format!("{} is not between 1 and 1e12", self.theta)));
        }
        match &self.scaling {
            None => Ok(()),
            Some(RopeScaling::Linear { factor } | RopeScaling::Dynamic { factor }) => {
                check_factor(*factor)
            }
            Some(RopeScaling::Llama3(scaling)) => scaling.check(),
            Some(RopeScaling::Yarn(scaling)) => scaling.check(self.theta),
        }
    }
}

fn check_factor(factor: f64) -> Result<(), Fault> {
    match (1.0..=1e6).contains(&factor) {
        true => Ok(()),
        false => Err(("rope_scaling.factor", format!("{factor} is not between 1 and 1e6"))),
    }
}

fn check_original(length: usize) -> Result<(), Fault> {
    match (1..=1 << 26).contains(&length) {
        true => Ok(()),
        false => {
            let message = format!("{length} is not between 1 and 2^26");
            Err(("rope_scaling.original_max_position_embeddings", message))
        }
    }
}

impl Llama3Scaling {
    fn check(&self) -> Result<(), Fault> {
        check_factor(self.factor)?;
        let (low, high) = (self.low_freq_factor, self.high_freq_factor);
        let ordered = low > 0.0 && high > low;
        if !ordered || !high.is_finite() {
            let message = format!("{high} must be greater than low_freq_factor = {low} > 0");
            return Err(("rope_scaling.high_freq_factor", message));
        }
        check_original(self.original_max_position)
    }

    /// What a frequency (radians per position) is divided by: 1 for short wavelengths, `factor`
    /// for long ones, and between them such that the frequency is interpolated linearly in
    /// `original_max_position / wavelength` (Llama 3.1's reference implementation).
    pub(crate) fn stretch(&self, frequency: f64) -> f64 {
        let wavelength = 2.0 * PI / frequency;
        let turns = self.original_max_position as f64 / wavelength;
        let share = (turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor);
        let share = share.clamp(0.0, 1.0);
        1.0 / ((1.0 - share) / self.factor + share)
    }
}

impl YarnScaling {
    /// The attention factor that the paper recommends for a factor (eq. 22).
    pub(crate) fn recommended(factor: f64, weight: f64) -> f64 {
        if factor <= 1.0 { 1.0 } else { 0.1 * weight * factor.ln() + 1.0 }
    }

    fn check(&self, theta: f64) -> Result<(), Fault> {
        check_factor(self.factor)?;
        check_original(self.original_max_position)?;
        let (fast, slow) = (self.beta_fast, self.beta_slow);
        if !(fast.is_finite() && slow > 0.0 && fast >= slow) {
            let message = format!("{fast} must be at least beta_slow = {slow} > 0");
            return Err(("rope_scaling.beta_fast", message));
        }
        if !(1e-3..=1e3).contains(&self.attention_factor) {
            let message = format!("{} is not between 0.001 and 1000", self.attention_factor);
            return Err(("rope_scaling.attention_factor", message));
        }
        // Which pair turns how often is told by the logarithm of the base.
        if theta <= 1.0 {
            return Err(("rope_theta", format!("{theta} must be above 1 for yarn")));
        }
        Ok(())
    }

    /// What the frequency of a pair is divided by.
    fn stretch(&self, pair: usize, head_dim: usize, theta: f64) -> f64 {
        let dim = head_dim as f64;
        // The pair that turns this often in the original context, as a real number.
        let turning = |turns: f64| {
            dim * (self.original_max_position as f64 / (turns * 2.0 * PI)).ln() / (2.0 * theta.ln())
        };
        let (mut low, mut high) = (turning(self.beta_fast), turning(self.beta_slow));
        if self.truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        let (low, mut high) = (low.max(0.0), high.min(dim - 1.0));
        if low == high {
            high += 1e-3; // as `transformers` keeps the ramp from being a step of no width
        }
        let ramp = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
        1.0 / (ramp / self.factor + (1.0 - ramp))
    }
}

/// By how much each pair of a head is turned, and lengthened, at a position.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Radians per position of each of the `head_dim / 2` pairs, longest wavelength last.
    inverse_frequencies: Vec<f32>,
    /// What cosines and sines are multiplied by.
    amplitude: f32,
}

impl Rotation {
    /// Pairs of a head.
    pub fn pairs(&self) -> usize {
        self.inverse_frequencies.len()
    }

    /// Cosine and sine of each pair at a position. Angles are computed in f64, so that long contexts
    /// lose no precision.
    pub fn at(&self, position: usize) -> impl Iterator<Item = (f32, f32)> + Clone + '_ {
        self.inverse_frequencies.iter().map(move |&frequency| {
            let (sin, cos) = (position as f64 * f64::from(frequency)).sin_cos();
            (cos as f32 * self.amplitude, sin as f32 * self.amplitude)
        })
    }
}

impl ModelConfig {
    /// RoPE's angle per position for each of the `head_dim / 2` pairs, in radians, longest
    /// wavelength last; stretched as the model asks for it.
    pub fn inverse_frequencies(&self) -> Vec<f32> {
        (0..self.head_dim / 2)
            .map(|pair| {
                let exponent = 2.0 * pair as f64 / self.head_dim as f64;
                let frequency = self.rope.theta.powf(-exponent);
                let scale = match &self.rope.scaling {
                    None | Some(RopeScaling::Dynamic { .. }) => 1.0,
                    Some(RopeScaling::Llama3(scaling)) => scaling.stretch(frequency),
                    Some(RopeScaling::Linear { factor }) => *factor,
                    Some(RopeScaling::Yarn(scaling)) => {
                        scaling.stretch(pair, self.head_dim, self.rope.theta)
                    }
                };
                (frequency / scale) as f32
            })
            .collect()
    }

    /// By how much RoPE turns, and lengthens, the pairs of a head.
    pub fn rotation(&self) -> Rotation {
        let amplitude = match &self.rope.scaling {
            Some(RopeScaling::Yarn(scaling)) => scaling.attention_factor as f32,
            _ => 1.0,
        };
        Rotation { inverse_frequencies: self.inverse_frequencies(), amplitude }
    }
}

#[cfg(test)]
#[path = "../tests/unit/rope.rs"]
mod tests;
