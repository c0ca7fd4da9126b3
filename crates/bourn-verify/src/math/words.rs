//! Words and commands with a meaning: functions, constants, relations, units.

/// What a command stands for.
pub(super) enum Meaning {
    Sign(char),
    Word(&'static str),
    Command(&'static str),
    /// A letter, by the command's own name.
    Name,
}

/// Functions of one argument, by the name that they are read under.
pub(super) const FUNCTIONS: [&str; 28] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "log", "lg", "exp", "sqrt", "abs", "floor", "ceil", "arcsec", "arccsc", "arccot", "det",
    "gcd", "lcm", "max", "min",
];

/// The meaning of a plain word: a function, a constant, an operator.
pub(super) fn known(word: &str) -> Option<&'static str> {
    if word.len() < 2 {
        return None;
    }
    let at = |list: &[&'static str]| list.iter().copied().find(|&known| known == word);
    // `min` behind a number is a minute.
    let function = at(&FUNCTIONS).filter(|name| !matches!(*name, "max" | "min"));
    function.or_else(|| at(&["pi", "mod", "and", "or", "deg", "cis"])).or(match word {
        "Pi" | "PI" => Some("pi"),
        "inf" | "infty" | "infinity" | "Infinity" | "oo" => Some("infinity"),
        "asin" => Some("arcsin"),
        "acos" => Some("arccos"),
        "atan" => Some("arctan"),
        "cosec" => Some("csc"),
        "ctg" => Some("cot"),
        "tg" => Some("tan"),
        "union" | "cup" => Some("union"),
        "OR" | "Or" => Some("or"),
        "AND" | "And" => Some("and"),
        _ => None,
    })
}

/// `sinx`, `cosA`, `lnx`: a function with its argument written against it.
pub(super) fn prefix(word: &str) -> Option<(&'static str, &str)> {
    ["sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "pi"].iter().find_map(|&name| {
        let after = word.strip_prefix(name)?;
        (after.len() == 1).then_some((name, after))
    })
}

/// The meaning of a command without its backslash; `None` where it has none here.
pub(super) fn command(name: &str) -> Option<Meaning> {
    use Meaning::{Command, Name, Sign, Word};
    if let Some(&function) = FUNCTIONS.iter().find(|&&f| f == name && f != "sqrt") {
        return Some(Word(function));
    }
    Some(match name {
        "frac" | "dfrac" | "tfrac" | "cfrac" | "nicefrac" | "sfrac" | "flatfrac" => Command("frac"),
        "sqrt" => Command("sqrt"),
        "binom" | "dbinom" | "tbinom" => Command("binom"),
        "overline" | "bar" | "dot" => Command("overline"),
        "over" => Command("over"),
        "choose" => Command("choose"),
        "pmod" => Command("pmod"),
        "bmod" | "mod" => Word("mod"),
        "times" | "cdot" | "ast" | "bullet" => Sign('*'),
        "div" => Sign('/'),
        "pm" => Sign('±'),
        "mp" => Sign('∓'),
        "le" | "leq" | "leqslant" | "leqq" => Sign('≤'),
        "ge" | "geq" | "geqslant" | "geqq" => Sign('≥'),
        "lt" => Sign('<'),
        "gt" => Sign('>'),
        "ne" | "neq" => Sign('≠'),
        "approx" | "simeq" | "cong" | "doteq" => Sign('≈'),
        "equiv" => Sign('≡'),
        "in" => Sign('∈'),
        "cup" | "bigcup" => Sign('∪'),
        "cap" => Sign('∩'),
        "setminus" | "backslash" | "smallsetminus" => Sign('∖'),
        "emptyset" | "varnothing" | "O" => Sign('∅'),
        "circ" | "degree" => Sign('°'),
        "colon" => Sign(':'),
        "percent" => Sign('%'),
        "lbrace" => Sign('⦃'),
        "rbrace" => Sign('⦄'),
        "lbrack" => Sign('['),
        "rbrack" => Sign(']'),
        "lparen" | "langle" => Sign('('),
        "rparen" | "rangle" => Sign(')'),
        "vert" | "lvert" | "rvert" | "mid" => Sign('|'),
        "lfloor" => Sign('⌊'),
        "rfloor" => Sign('⌋'),
        "lceil" => Sign('⌈'),
        "rceil" => Sign('⌉'),
        "infty" => Word("infinity"),
        "pi" => Word("pi"),
        "land" | "wedge" => Word("and"),
        "lor" | "vee" => Word("or"),
        "imath" | "i" => Word("i"),
        "arctg" => Word("arctan"),
        "tg" => Word("tan"),
        "ctg" | "cotg" => Word("cot"),
        "alpha" | "beta" | "gamma" | "delta" | "epsilon" | "varepsilon" | "zeta" | "eta"
        | "theta" | "vartheta" | "iota" | "kappa" | "lambda" | "mu" | "nu" | "xi" | "rho"
        | "sigma" | "tau" | "upsilon" | "phi" | "varphi" | "chi" | "psi" | "omega" | "Gamma"
        | "Delta" | "Theta" | "Lambda" | "Xi" | "Sigma" | "Phi" | "Psi" | "Omega" | "ell"
        | "triangle" | "angle" => Name,
        _ => return None,
    })
}

/// Units and other words that stand behind a number or alone, and are no product of variables.
const PROSE: [&str; 64] = [
    "cm", "mm", "km", "kg", "mg", "ft", "lb", "lbs", "oz", "yd", "mi", "hr", "hrs", "min", "mph",
    "kph", "sec", "sq", "cu", "per", "day", "way", "men", "boy", "cup", "pie", "box", "dog", "cat",
    "egg", "pen", "car", "bus", "cow", "hen", "USD", "EUR", "GBP", "the", "are", "for", "yes",
    "may", "May", "not", "two", "one", "six", "ten", "odd", "red", "is", "no", "No", "Yes", "of",
    "to", "rad", "mL", "ml", "AM", "PM", "am", "pm",
];

/// Whether a run of letters is a word of a language or a unit, rather than a product.
pub(super) fn is_prose(word: &str) -> bool {
    PROSE.contains(&word)
}

/// Letters that are units above and below the line of one: `m/s`, `g/L`, `J/kg`.
pub(super) const UNITS: (&str, &str) = ("mgsJNLCVWh", "shmLKgNC");

/// Words behind a number after which it is no longer that number.
pub(crate) fn changes_a_number(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "or" | "half"
            | "halves"
            | "third"
            | "thirds"
            | "quarter"
            | "quarters"
            | "plus"
            | "minus"
            | "times"
            | "mod"
            | "modulo"
            | "point"
            | "than"
            | "over"
            | "squared"
            | "cubed"
            | "factorial"
            | "divided"
            | "multiplied"
            | "choose"
            | "root"
            | "base"
            | "fifths"
            | "sixths"
            | "sevenths"
            | "eighths"
            | "ninths"
            | "tenths"
            | "twelfths"
            | "hundredths"
            | "thousandths"
            | "not"
            | "but"
            | "if"
            | "unless"
            | "maybe"
            | "perhaps"
            | "incorrect"
            | "wrong"
            | "negative"
            | "infinity"
            | "infty"
            | "inf"
            | "log"
            | "ln"
            | "sin"
            | "cos"
            | "tan"
            | "sqrt"
            | "pi"
    )
}

/// The number that a word is: `four`.
pub(super) fn number(word: &str) -> Option<u32> {
    const NUMBERS: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    let word = word.to_ascii_lowercase();
    NUMBERS.iter().position(|&number| number == word).map(|at| at as u32)
}

/// Whether words behind a number count on, as in `3 feet five inches`; not those in brackets, which
/// say it again, nor those of a compound, as in `3 two-digit numbers`.
pub(crate) fn counts_on(words: &str) -> bool {
    const TENS: [&str; 7] = ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let mut rest = words.trim_start();
    if rest.starts_with('(') {
        return false;
    }
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let word = &rest[start..];
        let word = &word[..word.bytes().take_while(u8::is_ascii_alphabetic).count()];
        rest = &rest[start + word.len()..];
        let counts = number(word).is_some() || TENS.contains(&word.to_ascii_lowercase().as_str());
        if counts && !rest.starts_with('-') {
            return true;
        }
    }
    false
}

/// Whether words are a formula: single letters with relations, sums or differences, as in `x>5`; not
/// a unit, as in `m s^{-1}`.
pub(super) fn is_formula(words: &str) -> bool {
    let single = words.split(|c: char| !c.is_alphabetic()).all(|word| word.chars().count() < 2);
    let joined = words.char_indices().any(|(at, c)| match c {
        '=' | '<' | '>' | '+' => true,
        '-' => !words[..at].ends_with(['^', '{']),
        _ => false,
    });
    single && joined
}
