//! Matrices and vectors.

use super::Parser;
use crate::math::token::Kind;
use crate::math::tree::Expr;

/// Most entries of a matrix.
const MAX_ENTRIES: usize = 400;

impl Parser {
    /// From `\begin{…}` to `\end{…}`: rows of one length.
    pub(super) fn matrix(&mut self, name: &str) -> Option<Expr> {
        let determinant = match name {
            "pmatrix" | "bmatrix" | "Bmatrix" | "matrix" | "smallmatrix" | "array" => false,
            "vmatrix" => true,
            _ => return None,
        };
        self.at += 1;
        // Commas part no members here, and `|` is no bar.
        let inside = std::mem::take(&mut self.inside);
        let rows = self.rows();
        self.inside = inside;
        let mut rows = rows?;
        // A last `\\` before the end.
        if rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        let width = rows.first()?.len();
        let whole = width > 0 && rows.iter().all(|row| row.len() == width);
        let fits = rows.len() * width <= MAX_ENTRIES;
        if !whole || !fits {
            return None;
        }
        Some(if determinant { Expr::Determinant(rows) } else { Expr::Matrix(rows) })
    }

    fn rows(&mut self) -> Option<Vec<Vec<Expr>>> {
        let mut rows = vec![Vec::new()];
        loop {
            match self.kind()? {
                Kind::End => {
                    self.at += 1;
                    return Some(rows);
                }
                Kind::Row => {
                    self.at += 1;
                    rows.push(Vec::new());
                }
                _ => {
                    let entry = self.sum()?;
                    rows.last_mut()?.push(entry);
                    if !self.take('&') && !matches!(self.kind(), Some(Kind::Row | Kind::End)) {
                        return None;
                    }
                }
            }
        }
    }
}
