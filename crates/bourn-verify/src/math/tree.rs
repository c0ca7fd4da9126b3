//! An answer as it is written: a small tree, of bounded depth.

use num_rational::BigRational;

/// A numeral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub value: BigRational,
    /// Its digits as written, without separators; what a base makes a number of.
    pub digits: String,
    /// Digits behind the point, where it is a decimal that ends.
    pub places: Option<u32>,
}

/// What is written. Every node's meaning is that of the notation, not yet of arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Number(Literal),
    Name(String),
    Pi,
    Euler,
    Imaginary,
    Infinity,
    Sum(Vec<Expr>),
    Negative(Box<Expr>),
    /// `±`; `∓` with false.
    PlusMinus(Box<Expr>, bool),
    Product(Vec<Expr>),
    Quotient(Box<Expr>, Box<Expr>),
    Power(Box<Expr>, Box<Expr>),
    /// Radicand and index.
    Root(Box<Expr>, Box<Expr>),
    Factorial(Box<Expr>),
    Binomial(Box<Expr>, Box<Expr>),
    /// A function by its name; a logarithm's base is its second argument.
    Call(&'static str, Vec<Expr>),
    Degrees(Box<Expr>),
    Percent(Box<Expr>),
    Text(String),
    /// Brackets with more than one member, or of two kinds.
    Tuple(char, char, Vec<Expr>),
    Set(Vec<Expr>),
    /// Members without brackets.
    List(Vec<Expr>),
    Union(Vec<Expr>),
    Without(Box<Expr>, Box<Expr>),
    Reals,
    Empty,
    Relations(Box<Expr>, Vec<(char, Expr)>),
    Matrix(Vec<Vec<Expr>>),
    Determinant(Vec<Vec<Expr>>),
    /// Digits with the base that they are written in.
    Based(String, u32),
    /// A value and its modulus.
    Modular(Box<Expr>, Box<Expr>),
    Ratio(Vec<Expr>),
}

impl Expr {
    pub(super) fn boxed(self) -> Box<Expr> {
        Box::new(self)
    }

    /// Whether a `±` stands in it, outside of lists and their like.
    pub(super) fn has_plus_minus(&self) -> bool {
        match self {
            Expr::PlusMinus(..) => true,
            Expr::Sum(parts) | Expr::Product(parts) | Expr::Call(_, parts) => {
                parts.iter().any(Expr::has_plus_minus)
            }
            Expr::Negative(a) | Expr::Factorial(a) | Expr::Degrees(a) | Expr::Percent(a) => {
                a.has_plus_minus()
            }
            Expr::Quotient(a, b) | Expr::Power(a, b) | Expr::Root(a, b) | Expr::Binomial(a, b) => {
                a.has_plus_minus() || b.has_plus_minus()
            }
            Expr::Determinant(rows) => rows.iter().flatten().any(Expr::has_plus_minus),
            _ => false,
        }
    }
}
