//! LaTeX and plain mathematics as one flat list of tokens.
//!
//! Typography that changes no value goes here: sizes, colours, thin spaces, dollar signs, upright
//! letters, typographic characters. What a token is not known for ends the reading: nothing is
//! skipped over that might mean something.

use super::unicode::{self, Plain};
use super::words;

/// Most tokens of one answer.
const MAX_TOKENS: usize = 2000;
/// Longest answer that is read, in bytes.
pub(super) const MAX_ANSWER: usize = 8000;

/// A token, and whether white space stands before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    /// Any space, or what TeX sets as one.
    pub gap: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A run of decimal digits.
    Digits(String),
    /// One letter, or a Greek one by its command's name.
    Name(String),
    /// A function, `pi`, `infinity`, a relation or an operator that is a word.
    Word(&'static str),
    /// What stands in `\text{…}`, or a word of prose or a unit.
    Text(String),
    /// A single character: operator, bracket, comma, `{`, `}`.
    Sign(char),
    /// A comma that only groups digits: `{,}`, `,\!`, a thin space or `'` between digits.
    Group,
    /// `\frac`, `\sqrt`, `\binom`, `\overline`, and other commands with arguments.
    Command(&'static str),
    /// `\begin{…}`: whether it is a matrix's, or a determinant's.
    Begin(String),
    End,
    /// `\\`.
    Row,
    /// A decimal that a vulgar fraction is: `½`.
    Vulgar(u32, u32),
}

/// The tokens of `text`; `None` where a character or command is not known, or there are too many.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    if text.len() > MAX_ANSWER {
        return None;
    }
    let mut reader = Reader::new(text);
    reader.run()?;
    Some(reader.out)
}

/// The command or character that keeps `text` from being read, where there is one.
pub(super) fn unknown(text: &str) -> Option<String> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_ANSWER || reader.run().is_some() || reader.out.len() > MAX_TOKENS {
        return None;
    }
    let from = reader.at;
    let letters = from.bytes().skip(1).take_while(u8::is_ascii_alphabetic).count();
    let end = match from.starts_with('\\') {
        true if letters > 0 => 1 + letters,
        true => from.chars().take(2).map(char::len_utf8).sum(),
        false => from.chars().next().map_or(0, char::len_utf8),
    };
    Some(from[..end].to_owned())
}

struct Reader<'a> {
    /// What has not been read, where the token being read begins.
    at: &'a str,
    rest: &'a str,
    out: Vec<Token>,
    gap: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader { at: text, rest: text, out: Vec::new(), gap: false }
    }

    fn run(&mut self) -> Option<()> {
        while let Some(c) = self.rest.chars().next() {
            self.at = self.rest;
            if self.out.len() > MAX_TOKENS {
                return None;
            }
            self.one(c)?;
        }
        Some(())
    }

    fn push(&mut self, kind: Kind) {
        self.out.push(Token { kind, gap: std::mem::take(&mut self.gap) });
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn after_digit(&self) -> bool {
        !self.gap && matches!(self.out.last(), Some(Token { kind: Kind::Digits(_), .. }))
    }

    /// Whether exactly three digits follow: what a separator groups.
    fn three_digits(&self) -> bool {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        digits == 3
    }

    fn one(&mut self, c: char) -> Option<()> {
        match c {
            '\\' => {
                self.skip(1);
                return self.command();
            }
            '0'..='9' => {
                let run = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                let digits = self.rest[..run].to_owned();
                self.skip(run);
                self.push(Kind::Digits(digits));
                return Some(());
            }
            'a'..='z' | 'A'..='Z' => return self.letters(),
            '{' if self.rest.starts_with("{,}") => {
                self.skip(3);
                self.push(Kind::Group);
                return Some(());
            }
            ',' if self.after_digit() && self.rest.starts_with(",\\!") => {
                self.skip(3);
                self.rest = self.rest.trim_start_matches(' ');
                self.push(Kind::Group);
                return Some(());
            }
            '$' => {
                self.skip(1);
                return Some(());
            }
            '&' => {
                self.skip(1);
                self.push(Kind::Sign('&'));
                return Some(());
            }
            // Minutes, or Swiss thousands.
            '\'' | '’' if self.after_digit() => {
                self.skip(c.len_utf8());
                if !self.three_digits() {
                    return None;
                }
                self.push(Kind::Group);
                return Some(());
            }
            '*' if self.rest.starts_with("**") => {
                self.skip(2);
                self.push(Kind::Sign('^'));
                return Some(());
            }
            _ => {}
        }
        self.skip(c.len_utf8());
        if let Some(sign) = ascii_sign(c) {
            // `<=`, `>=`, `!=`, `==`
            if matches!(c, '<' | '>' | '!' | '=')
                && let Some(rest) = self.rest.strip_prefix('=')
            {
                self.rest = rest;
                self.push(Kind::Sign(match c {
                    '<' => '≤',
                    '>' => '≥',
                    '!' => '≠',
                    _ => '=',
                }));
                return Some(());
            }
            self.push(Kind::Sign(sign));
            return Some(());
        }
        match unicode::plain(c)? {
            Plain::Space => self.gap = true,
            Plain::Thin => self.thin(),
            Plain::Nothing => {}
            Plain::Sign(sign) => self.push(Kind::Sign(sign)),
            Plain::Word(word) => self.push(Kind::Word(word)),
            Plain::Name(name) => self.push(Kind::Name(name.to_owned())),
            Plain::Root => self.push(Kind::Command("root")),
            Plain::Vulgar(top, bottom) => self.push(Kind::Vulgar(top, bottom)),
            Plain::Raised(raised) => self.raised(raised),
            Plain::Lowered(digit) => {
                let mut digits = digit.to_string();
                while let Some(c) = self.rest.chars().next()
                    && let Some(Plain::Lowered(digit)) = unicode::plain(c)
                {
                    digits.push(digit);
                    self.skip(c.len_utf8());
                }
                self.push(Kind::Sign('_'));
                self.push(Kind::Digits(digits));
            }
        }
        Some(())
    }

    /// A run of raised characters is one exponent.
    fn raised(&mut self, first: char) {
        let mut raised = vec![first];
        while let Some(c) = self.rest.chars().next()
            && let Some(Plain::Raised(next)) = unicode::plain(c)
        {
            raised.push(next);
            self.skip(c.len_utf8());
        }
        self.push(Kind::Sign('^'));
        self.push(Kind::Sign('{'));
        let mut digits = String::new();
        for c in raised {
            match c {
                '0'..='9' => digits.push(c),
                sign => {
                    self.flush(&mut digits);
                    match sign {
                        '+' | '-' | '(' | ')' => self.push(Kind::Sign(sign)),
                        letter => self.push(Kind::Name(letter.to_string())),
                    }
                }
            }
        }
        self.flush(&mut digits);
        self.push(Kind::Sign('}'));
    }

    fn flush(&mut self, digits: &mut String) {
        if !digits.is_empty() {
            self.push(Kind::Digits(std::mem::take(digits)));
        }
    }

    /// A thin space between a digit and three others groups them.
    fn thin(&mut self) {
        if self.after_digit() && self.three_digits() {
            self.push(Kind::Group);
        } else {
            self.gap = true;
        }
    }

    fn letters(&mut self) -> Option<()> {
        let run = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at(run);
        self.rest = rest;
        // `p.m.`
        let half = matches!(word, "a" | "p" | "A" | "P")
            && [".m", ".M"].iter().any(|m| self.rest.starts_with(m));
        if half {
            self.skip(2);
            self.rest = self.rest.strip_prefix('.').unwrap_or(self.rest);
            self.push(Kind::Text(format!("{word}m")));
            return Some(());
        }
        if let Some(known) = words::known(word) {
            self.push(Kind::Word(known));
        } else if words::is_prose(word) {
            self.push(Kind::Text(word.to_owned()));
        } else if let Some((known, after)) = words::prefix(word) {
            self.push(Kind::Word(known));
            after.chars().for_each(|c| self.push(Kind::Name(c.to_string())));
        } else if run >= 4 {
            self.push(Kind::Text(word.to_owned()));
        } else {
            word.chars().for_each(|c| self.push(Kind::Name(c.to_string())));
        }
        Some(())
    }

    fn command(&mut self) -> Option<()> {
        let run = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if run == 0 {
            return self.symbol();
        }
        let (name, rest) = self.rest.split_at(run);
        self.rest = rest;
        match name {
            "left" | "right" | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl" | "biggr" | "Biggl"
            | "Biggr" | "big" | "Big" | "bigg" | "Bigg" | "middle" => {
                let trimmed = self.rest.trim_start();
                self.rest = trimmed.strip_prefix('.').unwrap_or(trimmed);
            }
            "bf" | "rm" | "it" | "sf" | "tt" if self.rest.starts_with('{') => {
                return self.dressed("mathrm");
            }
            "displaystyle" | "textstyle" | "scriptstyle" | "limits" | "nolimits" | "bf" | "rm"
            | "it" | "sf" | "tt" | "boldmath" | "mathstrut" | "strut" | "large" | "Large"
            | "normalsize" | "small" | "huge" | "Huge" | "LARGE" | "bfseries" | "itshape"
            | "boxed" | "fbox" | "underline" | "ensuremath" | "mathopen" | "mathclose"
            | "mathord" | "mathbin" | "mathrel" | "hfill" | "noindent" | "smallskip" => {
                self.rest = self.rest.trim_start();
            }
            "color" | "textcolor" | "hspace" | "vspace" | "phantom" | "hphantom" | "vphantom"
            | "label" | "tag" | "fontsize" => {
                self.argument()?;
            }
            "quad" | "qquad" | "space" | "thinspace" | "medspace" | "enspace" | "nobreak"
            | "allowbreak" | "newline" | "thickspace" => self.gap = true,
            "text" | "textbf" | "textit" | "textrm" | "textnormal" | "texttt" | "textsf"
            | "textup" | "mbox" | "hbox" | "mathrm" | "mathbf" | "mathit" | "mathsf" | "mathtt"
            | "boldsymbol" | "bm" | "operatorname" | "emph" | "mathcal" | "mathfrak" | "pmb"
            | "mathbb" | "Bbb" => return self.dressed(name),
            "begin" => {
                let name = self.argument()?.trim_matches([' ', '*']).to_owned();
                if name == "array" {
                    self.argument()?;
                }
                self.push(Kind::Begin(name));
            }
            "end" => {
                self.argument()?;
                self.push(Kind::End);
            }
            _ => {
                let kind = match words::command(name)? {
                    words::Meaning::Sign(sign) => Kind::Sign(sign),
                    words::Meaning::Word(word) => Kind::Word(word),
                    words::Meaning::Command(command) => Kind::Command(command),
                    words::Meaning::Name => Kind::Name(name.to_owned()),
                };
                self.push(kind);
            }
        }
        Some(())
    }

    /// A backslash before something that is not a letter.
    fn symbol(&mut self) -> Option<()> {
        let c = self.rest.chars().next()?;
        self.skip(c.len_utf8());
        match c {
            '!' | '(' | ')' | '[' | ']' | '$' | '/' => {}
            ',' => self.thin(),
            ' ' if self.after_digit() && self.three_digits() => self.push(Kind::Group),
            ';' | ':' | ' ' | '\n' | '>' => self.gap = true,
            '\\' => self.push(Kind::Row),
            '%' => self.push(Kind::Sign('%')),
            '{' => self.push(Kind::Sign('⦃')),
            '}' => self.push(Kind::Sign('⦄')),
            '|' => self.push(Kind::Sign('|')),
            '#' | '&' | '_' => return None,
            _ => return None,
        }
        Some(())
    }

    /// The inside of the brace group that follows; a single character where there is none.
    fn argument(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        if !text.starts_with('{') {
            let c = text.chars().next()?;
            self.rest = &text[c.len_utf8()..];
            return Some(&text[..c.len_utf8()]);
        }
        let end = crate::latex::group_end(text, 0);
        self.rest = &text[end..];
        text[1..end].strip_suffix('}')
    }

    /// `\text{…}` and its like: words stay words, and mathematics set upright is mathematics.
    fn dressed(&mut self, command: &str) -> Option<()> {
        if !self.rest.trim_start().starts_with('{') {
            // `\mathrm e`, `\mathbb R`: the next character is dressed.
            let inside = self.argument()?;
            return self.dressed_inside(command, inside);
        }
        let inside = self.argument()?;
        self.dressed_inside(command, inside)
    }

    fn dressed_inside(&mut self, command: &str, inside: &'a str) -> Option<()> {
        if matches!(command, "mathbb" | "Bbb") {
            self.push(match inside.trim() {
                "R" => Kind::Word("reals"),
                other => Kind::Text(other.to_owned()),
            });
            return Some(());
        }
        let word = inside.trim().trim_end_matches('.');
        let upright = !command.starts_with("text") && !matches!(command, "mbox" | "hbox");
        if let Some(known) = words::known(word) {
            self.push(Kind::Word(known));
        } else if upright && word.len() == 1 && word.bytes().all(|b| b.is_ascii_alphabetic()) {
            self.push(Kind::Name(word.to_owned()));
        } else if inside.contains('\\')
            || !inside.contains(|c: char| c.is_alphabetic())
            || words::is_formula(inside)
        {
            // A dressed formula: its tokens stand in a group of their own.
            let mut inner = Reader::new(inside);
            if inner.run().is_none() {
                self.at = inner.at;
                return None;
            }
            let only_space = inner.out.is_empty();
            if only_space {
                self.gap |= !inside.is_empty();
            } else {
                self.push(Kind::Sign('{'));
                self.out.append(&mut inner.out);
                self.push(Kind::Sign('}'));
            }
        } else {
            self.gap |= inside.starts_with(' ');
            self.push(Kind::Text(inside.trim().to_owned()));
        }
        Some(())
    }
}

/// Characters of ASCII that mean themselves.
fn ascii_sign(c: char) -> Option<char> {
    "+-*/^_!%=<>()[]{}|,.;:&`".contains(c).then_some(c)
}
