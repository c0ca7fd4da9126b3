//! Weights packed once into the layout that the inner loop reads.

use half::bf16;
use rayon::prelude::*;

use crate::error::{KernelError, check_len, check_range, elements};
use crate::tile::{PANEL, PanelWeight};

/// How packed weights are stored. Products and sums are in f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// As they are.
    #[default]
    F32,
    /// Rounded to the nearest of the numbers whose f32 has 16 zeros at its end, ties to even: half
    /// the memory, 8 bits of precision, the same range. What is above the largest of them becomes
    /// infinite, and what is not a number stays none.
    Bf16,
}

#[derive(Clone, Debug, PartialEq)]
enum Data {
    F32(Vec<[f32; PANEL]>),
    Bf16(Vec<[bf16; PANEL]>),
}

/// One panel of a [`PackedMatrix`], `[in, PANEL]`.
pub(crate) enum Panel<'a> {
    F32(&'a [[f32; PANEL]]),
    Bf16(&'a [[bf16; PANEL]]),
}

/// Weights of a linear layer as panels of [`PANEL`] output features, `[panels, in, PANEL]`; the
/// last panel is filled up with zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedMatrix {
    outputs: usize,
    inputs: usize,
    data: Data,
}

impl Default for PackedMatrix {
    fn default() -> PackedMatrix {
        PackedMatrix::empty(Storage::F32)
    }
}

impl PackedMatrix {
    /// A matrix without outputs, whose weights will be stored so.
    pub fn empty(storage: Storage) -> PackedMatrix {
        let data = match storage {
            Storage::F32 => Data::F32(Vec::new()),
            Storage::Bf16 => Data::Bf16(Vec::new()),
        };
        PackedMatrix { outputs: 0, inputs: 0, data }
    }

    /// Packs `weights`, `[outputs, inputs]` row-major, in f32.
    ///
    /// # Errors
    /// If the slice does not have that many values.
    pub fn pack(
        outputs: usize,
        inputs: usize,
        weights: &[f32],
    ) -> Result<PackedMatrix, KernelError> {
        let mut packed = PackedMatrix::default();
        packed.repack(inputs, &[(outputs, weights)])?;
        Ok(packed)
    }

    /// Replaces the weights by several matrices `[outputs_i, inputs]` below one another, as if they were
    /// one (a fused projection); stored as they were, reusing the memory where the shape is the same.
    ///
    /// # Errors
    /// If a slice does not have the values of its shape; the matrix is then unchanged.
    pub fn repack(&mut self, inputs: usize, parts: &[(usize, &[f32])]) -> Result<(), KernelError> {
        let mut outputs = 0_usize;
        for &(rows, weights) in parts {
            check_len("a weight matrix", elements(rows, inputs)?, weights.len())?;
            outputs = outputs
                .checked_add(rows)
                .ok_or(KernelError::TooLarge { rows: outputs, columns: inputs })?;
        }
        let panels = outputs.div_ceil(PANEL);
        let length = elements(panels, inputs)?;
        (self.outputs, self.inputs) = (outputs, inputs);
        // [outputs] rows of [inputs], through the parts.
        let rows: Vec<&[f32]> =
            parts.iter().flat_map(|(_, weights)| weights.chunks_exact(inputs.max(1))).collect();
        match &mut self.data {
            Data::F32(data) => fill(data, length, inputs, &rows, |value| value),
            Data::Bf16(data) => fill(data, length, inputs, &rows, bf16::from_f32),
        }
        Ok(())
    }

    /// Output features.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Input features.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Memory of the weights, the zeros that fill up the last panel included.
    pub fn bytes(&self) -> usize {
        match &self.data {
            Data::F32(data) => size_of_val(&data[..]),
            Data::Bf16(data) => size_of_val(&data[..]),
        }
    }

    /// Copies the weights of one output feature, `[inputs]`, as they are stored; this is how a tied
    /// embedding is looked up without a second copy.
    ///
    /// # Errors
    /// If `output` is not a feature or `out` is not `[inputs]`.
    pub fn copy_row(&self, output: usize, out: &mut [f32]) -> Result<(), KernelError> {
        check_len("an output row", self.inputs, out.len())?;
        let Some(last) = self.outputs.checked_sub(1) else {
            return Err(KernelError::Range {
                argument: "an output",
                least: 0,
                most: 0,
                found: output,
            });
        };
        check_range("an output", 0, last, output)?;
        let column = output % PANEL;
        match self.panel(output / PANEL) {
            Panel::F32(panel) => copy_column(panel, column, out),
            Panel::Bf16(panel) => copy_column(panel, column, out),
        }
        Ok(())
    }

    pub(crate) fn panel(&self, panel: usize) -> Panel<'_> {
        let range = panel * self.inputs..(panel + 1) * self.inputs;
        match &self.data {
            Data::F32(data) => Panel::F32(&data[range]),
            Data::Bf16(data) => Panel::Bf16(&data[range]),
        }
    }
}

/// Packs rows of `inputs` values into panels, `length` columns in all.
fn fill<W: PanelWeight + Default + Send>(
    data: &mut Vec<[W; PANEL]>,
    length: usize,
    inputs: usize,
    rows: &[&[f32]],
    convert: impl Fn(f32) -> W + Sync,
) {
    data.resize(length, [W::default(); PANEL]);
    let panels = data.par_chunks_mut(inputs.max(1)).zip(rows.par_chunks(PANEL));
    panels.for_each(|(panel, rows)| {
        for (k, column) in panel.iter_mut().enumerate() {
            *column = [W::default(); PANEL];
            for (value, row) in column.iter_mut().zip(rows) {
                *value = convert(row[k]);
            }
        }
    });
}

fn copy_column<W: PanelWeight>(panel: &[[W; PANEL]], column: usize, out: &mut [f32]) {
    for (value, weights) in out.iter_mut().zip(panel) {
        *value = weights[column].widen();
    }
}

#[cfg(test)]
#[path = "../tests/unit/weights.rs"]
mod tests;
