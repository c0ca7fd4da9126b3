use super::*;
use crate::{Recipe, TaskKind, parse};

fn of(path: &str) -> StarterModel {
    StarterModel { path: path.into(), chat_template: true }
}

fn data() -> StarterData {
    StarterData {
        path: "train.jsonl".into(),
        probe: None,
        prompt_column: "question".into(),
        answer_column: "answer".into(),
        answer_format: Extract::Hash,
        verifier: VerifierKind::Math,
        extract: Some(Extract::LastNumber),
        problems: 1000,
        longest: 985,
    }
}

fn recipe(starter: &Starter) -> Recipe {
    let text = starter.to_toml(Path::new("mine.toml"));
    parse(&text, Path::new("mine.toml"), &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The one recipe with words for every key, the other with words for the run.
#[test]
fn the_small_one_is_the_quickstart() {
    let quickstart = parse(QUICKSTART, Path::new("mine.toml"), &[]).unwrap();
    assert_eq!(recipe(&Starter::Small), quickstart);
}

#[test]
fn what_is_asked_for_is_what_the_recipe_says() {
    let model = of("HuggingFaceTB/SmolLM2-135M-Instruct");
    let read = recipe(&Starter::Data(model.clone(), data()));
    assert!(read.model.chat_template);
    let TaskKind::Dataset(task) = &read.tasks[0].kind else { panic!("{:?}", read.tasks) };
    assert_eq!(task.columns.answer_format, Extract::Hash);
    assert_eq!(read.tasks[0].rewards[0].extract, Extract::LastNumber);
    assert!(read.rollout.max_prompt_length > 985 / 4 + CHAT);
    let countdown = recipe(&Starter::Countdown(model));
    assert!(matches!(countdown.tasks[0].kind, TaskKind::Countdown(_)));
}

#[test]
fn every_verifier_and_few_problems_make_a_recipe() {
    for (verifier, extract) in [
        (VerifierKind::Math, Some(Extract::Boxed)),
        (VerifierKind::Exact, Some(Extract::Whole)),
        (VerifierKind::Exact, Some(Extract::Hash)),
        (VerifierKind::Choice, None),
    ] {
        for problems in [0, 1, 2, 5, 12] {
            let of_it = StarterData { verifier, extract, problems, ..data() };
            let read = recipe(&Starter::Data(of("m"), of_it));
            let (held_out, step) = (read.probe.problems, read.rollout.prompts_per_step);
            assert!(problems < 2 || held_out + step <= problems, "{held_out}, {step}, {problems}");
        }
    }
}

/// Whatever a name holds, comments stay comments and values are what was asked for.
#[test]
fn names_are_quoted() {
    let odd = "a \"b\" \\c\n'd'";
    let asked = StarterData {
        path: odd.into(),
        probe: Some((odd.into(), 3)),
        prompt_column: odd.into(),
        ..data()
    };
    let text = Starter::Data(of(odd), asked).to_toml(Path::new("my\nrecipe.toml"));
    assert!(text.contains("bourn train myrecipe.toml"), "{text}");
    let read = parse(&text, Path::new("mine.toml"), &[]).unwrap();
    let TaskKind::Dataset(task) = &read.tasks[0].kind else { panic!("{:?}", read.tasks) };
    assert_eq!((task.source.path.as_str(), task.columns.prompt.as_str()), (odd, odd));
    assert_eq!(task.probe.as_ref(), Some(&task.source));
    assert_eq!(read.probe.problems, 3);
}

#[test]
fn comments_fit_a_terminal() {
    for starter in [
        Starter::Small,
        Starter::Countdown(of("m")),
        Starter::Data(of("m"), data()),
        Starter::Data(
            of("m"),
            StarterData { verifier: VerifierKind::Choice, extract: None, ..data() },
        ),
        Starter::Data(of("m"), StarterData { verifier: VerifierKind::Exact, ..data() }),
    ] {
        let text = starter.to_toml(Path::new("recipe.toml"));
        for line in text.lines().filter(|line| line.starts_with('#')) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
