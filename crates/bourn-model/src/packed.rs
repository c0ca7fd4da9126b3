//! Sequences of token ids packed one after the other, shared beginnings once.

use std::ops::Range;

use bourn_kernel::Tree;

/// Sequences of token ids packed one after the other. Completions of one prompt that are pushed one
/// after the other share its rows.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    ids: Vec<u32>,
    trees: Vec<Tree>,
}

impl Packed {
    /// Appends a sequence and returns the packed range it occupies. An empty sequence is ignored.
    pub fn push(&mut self, ids: impl IntoIterator<Item = u32>) -> Range<usize> {
        let start = self.ids.len();
        self.ids.extend(ids);
        let range = start..self.ids.len();
        if !range.is_empty() {
            self.trees.push(Tree { start, root: range.len(), branches: Vec::new() });
        }
        range
    }

    /// Appends a completion of `prompt`, which has at least one token, and returns the packed index
    /// of the token before each of its tokens. Its last token is predicted and never read. If the
    /// sequence before is of the same prompt, the prompt's rows are shared and not repeated.
    pub fn push_completion(
        &mut self,
        prompt: &[u32],
        completion: &[u32],
    ) -> impl Iterator<Item = usize> + use<> {
        let same = |tree: &Tree| self.ids[tree.start..tree.start + tree.root] == *prompt;
        if !self.trees.last().is_some_and(same) {
            self.push(prompt.iter().copied());
        }
        let read = &completion[..completion.len().saturating_sub(1)];
        let first = self.ids.len();
        self.ids.extend(read);
        let mut last_of_prompt = first;
        if let Some(tree) = self.trees.last_mut() {
            last_of_prompt = (tree.start + tree.root).saturating_sub(1);
            if !read.is_empty() {
                tree.branches.push(read.len());
            }
        }
        std::iter::once(last_of_prompt).chain(first..self.ids.len()).take(completion.len())
    }

    /// The packed token ids.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Which rows go on from which: the trees partition the rows in order.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The position of each packed token in its sequence.
    pub fn positions(&self) -> Vec<usize> {
        let of = |tree: &Tree| -> Vec<usize> {
            let branches = tree.branches.iter().flat_map(|len| tree.root..tree.root + len);
            (0..tree.root).chain(branches).collect()
        };
        self.trees.iter().flat_map(of).collect()
    }

    /// The same sequences with nothing shared, and for every packed row one that stands for it there.
    pub fn unshared(&self) -> (Packed, Vec<usize>) {
        let (mut flat, mut rows) = (Packed::default(), Vec::with_capacity(self.ids.len()));
        for tree in &self.trees {
            let (root, mut branches) = self.ids[tree.start..][..tree.rows()].split_at(tree.root);
            let start = flat.ids.len();
            rows.extend(start..start + tree.root);
            for &len in &tree.branches {
                let (branch, others) = branches.split_at(len);
                branches = others;
                let range = flat.push(root.iter().chain(branch).copied());
                rows.extend(range.skip(tree.root));
            }
            if tree.branches.is_empty() {
                flat.push(root.iter().copied());
            }
        }
        (flat, rows)
    }
}

#[cfg(test)]
#[path = "../tests/unit/packed.rs"]
mod tests;
