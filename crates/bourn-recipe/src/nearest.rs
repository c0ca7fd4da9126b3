//! Which of some names was meant by one that is not among them.

/// Names that are longer are not compared: the work is the product of the lengths.
const LONGEST_COMPARED: usize = 64;
/// Names are alike from here on: half of their words in common.
const ALIKE: f64 = 0.5;

/// The name among `names` that is most like `text`, if one is like it: the same but for case and
/// punctuation, else with a slip in three letters (a single one is forgiven in the shortest names),
/// else with half of the words in common. Of several that are equally alike, the one that begins as
/// `text` does, then the first.
pub fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let asked = SpelledName::of(text)?;
    let alike =
        names.into_iter().filter_map(|name| Some((asked.likeness(&SpelledName::of(name)?)?, name)));
    let better = |best: Option<((f64, f64), &'a str)>, next: ((f64, f64), &'a str)| match best {
        Some(best) if best.0 >= next.0 => Some(best),
        _ => Some(next),
    };
    alike.fold(None, better).map(|(_, name)| name)
}

/// A name as it is compared.
struct SpelledName {
    /// Its letters, lower case, without punctuation.
    letters: String,
    /// Its words: `max_length`, `max-length` and `maxLength` have the same two.
    words: Vec<String>,
}

impl SpelledName {
    fn of(name: &str) -> Option<SpelledName> {
        if name.is_empty() || name.len() > LONGEST_COMPARED {
            return None;
        }
        let (mut words, mut word, mut lower) = (Vec::new(), String::new(), false);
        for c in name.chars() {
            let begins = !c.is_alphanumeric() || (lower && c.is_uppercase());
            if begins && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if c.is_alphanumeric() {
                word.extend(c.to_lowercase());
            }
            lower = c.is_lowercase();
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        // A name of punctuation alone, such as an operator, is itself.
        let letters = if words.is_empty() { name.to_owned() } else { words.concat() };
        Some(SpelledName { letters, words })
    }

    /// How much alike two names are, in 0..=1, and how much their beginnings are.
    fn likeness(&self, other: &SpelledName) -> Option<(f64, f64)> {
        let beginning = strsim::jaro_winkler(&self.letters, &other.letters);
        let count = |name: &SpelledName| name.letters.chars().count();
        let shortest = count(self).min(count(other));
        let slips = strsim::damerau_levenshtein(&self.letters, &other.letters);
        // Above every likeness by words: whoever slips has written the rest.
        let slipped = (slips <= (shortest / 3).max(1)).then(|| 1.0 + 1.0 / (1.0 + slips as f64));
        let words = Some(self.common_words(other)).filter(|share| *share >= ALIKE);
        let likeness = slipped.or(words)?;
        Some((likeness, beginning))
    }

    /// The share of both names' words that both have; a word and its plural are one, and a word's
    /// beginning of three letters or more stands for most of it.
    fn common_words(&self, other: &SpelledName) -> f64 {
        let same = |a: &str, b: &str| -> f64 {
            let stem = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
            let (a, b) = (stem(a), stem(b));
            let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
            match short == long {
                true => 1.0,
                false if short.chars().count() >= 3 && long.starts_with(short.as_str()) => 0.75,
                false => 0.0,
            }
        };
        let best =
            |word: &String| other.words.iter().map(|theirs| same(word, theirs)).fold(0.0, f64::max);
        let common: f64 = self.words.iter().map(best).sum();
        let all = (self.words.len() + other.words.len()) as f64 - common;
        if all > 0.0 { common / all } else { 0.0 }
    }
}

#[cfg(test)]
#[path = "../tests/unit/nearest.rs"]
mod tests;
