use super::*;
use crate::tensorboard::{read_events, value};

#[test]
fn settings_are_in_the_metadata_of_three_tags() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path(), None).unwrap();
    let hparams = [("lr", HParam::Number(0.25)), ("algorithm", HParam::Text("grpo".into()))];
    write_start(&mut writer, &hparams, &[("Watch/1 reward".into(), "reward".into())]).unwrap();
    write_end(&mut writer, 9).unwrap();
    writer.flush().unwrap();
    let events = read_events(writer.path());
    let data = |at: usize, tag: &str| {
        let value = value(&events[at]);
        let plugin = value.metadata.as_ref().unwrap().plugin.as_ref().unwrap();
        assert_eq!((value.tag.as_str(), plugin.name.as_str()), (tag, "hparams"));
        HParamsData::decode(plugin.content.as_slice()).unwrap().session.unwrap()
    };
    let experiment = Experiment {
        hparams: vec![
            HParamInfo { name: "lr".into(), kind: HParamType::Float64.into() },
            HParamInfo { name: "algorithm".into(), kind: HParamType::String.into() },
        ],
        metrics: vec![MetricInfo {
            name: Some(MetricName { tag: "Watch/1 reward".into() }),
            display_name: "reward".into(),
        }],
    };
    assert_eq!(data(2, "_hparams_/experiment"), Session::Experiment(experiment));
    let Session::Start(start) = data(3, "_hparams_/session_start_info") else { panic!("no start") };
    let kind = |name: &str| start.hparams[name].kind.clone();
    assert_eq!(kind("algorithm"), Some(Kind::Text("grpo".into())));
    assert_eq!(kind("lr"), Some(Kind::Number(0.25)));
    let Session::End(end) = data(4, "_hparams_/session_end_info") else { panic!("no end") };
    assert_eq!((end.status(), events[4].step), (Status::Success, 9));
}
