//! What a model reads: token ids, and inserts that stand where ids cannot say what is there.

use std::sync::Arc;

/// BLAKE3 of an insert's content.
pub type Hash = [u8; 32];

/// Token ids with inserts: what a model reads before it writes.
///
/// Two inputs are equal where ids and inserts are: the same placeholder ids with different pictures
/// are different inputs, for whatever groups, shares or stores by them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inputs {
    ids: Vec<u32>,
    /// In order, not overlapping.
    inserts: Vec<Insert>,
}

/// Features in place of the embeddings of some consecutive tokens. Compared by place and content hash.
#[derive(Clone, Debug)]
pub struct Insert {
    position: usize,
    features: Arc<Features>,
    hash: Hash,
}

/// Rows of numbers, one for each token that they stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    width: usize,
    values: Vec<f32>,
}

/// Inputs that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputsError {
    /// Values that are no whole number of rows.
    #[error("{values} values do not make rows of {width}")]
    Width {
        /// Values there are.
        values: usize,
        /// Values of a row.
        width: usize,
    },
    /// An insert that does not lie within the ids.
    #[error("an insert of {rows} tokens at {position} does not fit {ids} ids")]
    Outside {
        /// Its first token.
        position: usize,
        /// Its tokens.
        rows: usize,
        /// Ids there are.
        ids: usize,
    },
    /// Two inserts that stand for one token, or stand in the wrong order.
    #[error("an insert at {position} begins before the one before it ends")]
    Overlap {
        /// Its first token.
        position: usize,
    },
}

impl Features {
    /// Rows of `width` values each.
    ///
    /// # Errors
    /// There is no row, or the last is not whole.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Features, InputsError> {
        match width > 0 && !values.is_empty() && values.len().is_multiple_of(width) {
            true => Ok(Features { width, values }),
            false => Err(InputsError::Width { values: values.len(), width }),
        }
    }

    /// Tokens that they stand for.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Values of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows, one after the other: `[rows, width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("bourn features, version 1");
        hasher.update(&(self.width as u64).to_le_bytes());
        self.values.iter().for_each(|value| {
            hasher.update(&value.to_le_bytes());
        });
        *hasher.finalize().as_bytes()
    }
}

impl Insert {
    /// Features from token `position` on.
    pub fn new(position: usize, features: Arc<Features>) -> Insert {
        let hash = features.hash();
        Insert { position, features, hash }
    }

    /// The first token that it stands for.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The token behind the last that it stands for.
    pub fn end(&self) -> usize {
        self.position + self.features.rows()
    }

    /// What stands there.
    pub fn features(&self) -> &Arc<Features> {
        &self.features
    }

    /// Content hash of the features.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }

    fn key(&self) -> (usize, &Hash) {
        (self.position, &self.hash)
    }
}

impl PartialEq for Insert {
    fn eq(&self, other: &Insert) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Insert {}

impl PartialOrd for Insert {
    fn partial_cmp(&self, other: &Insert) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Insert {
    fn cmp(&self, other: &Insert) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl std::hash::Hash for Insert {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl From<Vec<u32>> for Inputs {
    fn from(ids: Vec<u32>) -> Inputs {
        Inputs { ids, inserts: Vec::new() }
    }
}

impl Inputs {
    /// Ids with inserts in place of some of them.
    ///
    /// # Errors
    /// An insert lies outside the ids, overlaps the one before it or stands before it.
    pub fn new(ids: Vec<u32>, inserts: Vec<Insert>) -> Result<Inputs, InputsError> {
        let mut free = 0;
        for insert in &inserts {
            let (position, rows) = (insert.position, insert.features.rows());
            if position < free {
                return Err(InputsError::Overlap { position });
            }
            if ids.len() < rows || position > ids.len() - rows {
                return Err(InputsError::Outside { position, rows, ids: ids.len() });
            }
            free = position + rows;
        }
        Ok(Inputs { ids, inserts })
    }

    /// Token ids; a placeholder where an insert stands.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Inserts in order.
    pub fn inserts(&self) -> &[Insert] {
        &self.inserts
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Appends tokens.
    pub fn extend(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
    }

    /// Content hash of ids and inserts.
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("bourn inputs, version 1");
        hasher.update(&(self.ids.len() as u64).to_le_bytes());
        self.ids.iter().for_each(|id| {
            hasher.update(&id.to_le_bytes());
        });
        for insert in &self.inserts {
            hasher.update(&(insert.position as u64).to_le_bytes());
            hasher.update(&insert.hash);
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
#[path = "../tests/unit/inputs.rs"]
mod tests;
