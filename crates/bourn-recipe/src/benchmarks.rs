//! Benchmarks by name: where they are, how they are put, and what they hold.
//!
//! They are put and judged as in the paper (Yue et al. 2025, arXiv 2504.13837), whose evaluation of zero-RL
//! models asks for step by step reasoning and a boxed answer. What they hold is known from its files, which
//! are those of Qwen2.5-Math's evaluation; of AIME 2025, which is younger, two editions are in use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recipe::{Columns, DataSource, Extract};

/// What every benchmark's problem is followed by.
pub(crate) const TEMPLATE: &str =
    "{prompt}\nPlease reason step by step, and put your final answer within \\boxed{}.";

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Benchmark {
    /// GSM8K's test problems: 1,319 of grade-school arithmetic (Cobbe et al. 2021).
    Gsm8k,
    /// MATH-500: 500 test problems of MATH (Hendrycks et al. 2021; Lightman et al. 2023).
    Math500,
    /// Both papers of the AIME of 2024: 30 problems.
    Aime24,
    /// Both papers of the AIME of 2025: 30 problems.
    Aime25,
    /// 40 problems of the AMC 12 of 2023.
    Amc23,
    /// 272 problems of MIT's open courses (Lewkowycz et al. 2022).
    Minerva,
    /// OlympiadBench's 675 English text problems of mathematics with a final answer (He et al. 2024).
    Olympiadbench,
}

/// Where a benchmark is and what it holds.
#[derive(Clone, Copy, Debug)]
pub struct BenchmarkFacts {
    /// How it is named in recipes.
    pub name: &'static str,
    /// The hub's data set, its configuration and split.
    hub: (&'static str, Option<&'static str>, Option<&'static str>),
    /// The columns of its files: of several layouts, the first of which a row has both.
    layouts: &'static [(&'static str, &'static str, Extract)],
    /// How many problems it has.
    pub problems: usize,
    /// Tokens that its longest problem needs with room to spare, by a tokenizer of 49,152 tokens and a third
    /// more.
    pub(crate) prompt_tokens: usize,
    /// What its problems and answers come to, as `bourn-task` hashes them; of each edition that is known.
    pub content: &'static [&'static str],
}

impl BenchmarkFacts {
    /// Its layouts, the likeliest first.
    pub fn layouts(&self) -> impl Iterator<Item = Columns> {
        self.layouts.iter().map(|(prompt, answer, answer_format)| Columns {
            prompt: (*prompt).to_owned(),
            answer: (*answer).to_owned(),
            answer_format: *answer_format,
        })
    }

    /// Where the hub has it.
    pub(crate) fn on_hub(&self) -> DataSource {
        let (path, config, split) = self.hub;
        let owned = |name: Option<&str>| name.map(str::to_owned);
        DataSource { path: path.to_owned(), config: owned(config), split: owned(split) }
    }
}

impl Benchmark {
    /// Every benchmark.
    pub const ALL: [Benchmark; 7] = [
        Benchmark::Gsm8k,
        Benchmark::Math500,
        Benchmark::Aime24,
        Benchmark::Aime25,
        Benchmark::Amc23,
        Benchmark::Minerva,
        Benchmark::Olympiadbench,
    ];

    /// Where it is and what it holds.
    pub const fn facts(self) -> BenchmarkFacts {
        use Extract::{Boxed, Hash, Whole};
        match self {
            Benchmark::Gsm8k => BenchmarkFacts {
                name: "gsm8k",
                hub: ("openai/gsm8k", Some("main"), Some("test")),
                layouts: &[("question", "answer", Hash)],
                problems: 1319,
                prompt_tokens: 512,
                content: &["19aafb49db96450d"],
            },
            Benchmark::Math500 => BenchmarkFacts {
                name: "math500",
                hub: ("HuggingFaceH4/MATH-500", None, Some("test")),
                layouts: &[("problem", "answer", Whole)],
                problems: 500,
                prompt_tokens: 1280,
                content: &["7971641fb7d222c6"],
            },
            Benchmark::Aime24 => BenchmarkFacts {
                name: "aime24",
                hub: ("HuggingFaceH4/aime_2024", None, Some("train")),
                layouts: &[("problem", "answer", Whole), ("problem", "solution", Boxed)],
                problems: 30,
                prompt_tokens: 768,
                content: &["9a9b1ace02b3cb36"],
            },
            Benchmark::Aime25 => BenchmarkFacts {
                name: "aime25",
                hub: ("math-ai/aime25", None, Some("test")),
                layouts: &[("problem|question", "answer", Whole)],
                problems: 30,
                prompt_tokens: 1280,
                content: &["6d41cbb52cd711d4", "69b9c290aa3ee3c9"],
            },
            Benchmark::Amc23 => BenchmarkFacts {
                name: "amc23",
                hub: ("math-ai/amc23", None, Some("test")),
                layouts: &[("question|problem", "answer", Whole)],
                problems: 40,
                prompt_tokens: 512,
                content: &["27733539c3440f3f"],
            },
            Benchmark::Minerva => BenchmarkFacts {
                name: "minerva",
                hub: ("math-ai/minervamath", None, Some("test")),
                layouts: &[("question|problem", "answer", Whole), ("problem", "solution", Boxed)],
                problems: 272,
                prompt_tokens: 768,
                content: &["8fe8a1543d3359ec"],
            },
            Benchmark::Olympiadbench => BenchmarkFacts {
                name: "olympiadbench",
                hub: ("Hothan/OlympiadBench", Some("OE_TO_maths_en_COMP"), Some("train")),
                layouts: &[("question", "final_answer", Whole)],
                problems: 675,
                prompt_tokens: 1792,
                content: &["a8061130295df9db"],
            },
        }
    }
}
