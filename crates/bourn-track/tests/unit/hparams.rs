use super::*;

#[test]
fn settings_are_in_the_metadata_of_three_tags() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path(), None).unwrap();
    let hparams = [("lr", HParam::Number(0.25)), ("algorithm", HParam::Text("grpo".into()))];
    write_start(&mut writer, &hparams, &[("Watch/1 reward".into(), "reward".into())]).unwrap();
    write_end(&mut writer, 9).unwrap();
    writer.flush().unwrap();
    let events = crate::tensorboard::read_events(writer.path());
    let data = |at: usize, tag: &str| {
        let value = &events[at].get_summary().get_value()[0];
        let plugin = value.get_metadata().get_plugin_data();
        assert_eq!((value.get_tag(), plugin.get_plugin_name()), (tag, "hparams"));
        HParamsPluginData::parse_from_bytes(plugin.get_content()).unwrap()
    };
    let experiment = data(2, "_hparams_/experiment").take_experiment();
    let infos = experiment.get_hparam_infos().iter();
    let infos: Vec<_> = infos.map(|info| (info.get_name(), info.get_field_type())).collect();
    let expect =
        [("lr", HParamType::DATA_TYPE_FLOAT64), ("algorithm", HParamType::DATA_TYPE_STRING)];
    assert_eq!(infos, expect);
    let metric = &experiment.get_metric_infos()[0];
    assert_eq!(
        (metric.get_name().get_tag(), metric.get_display_name()),
        ("Watch/1 reward", "reward")
    );
    let start = data(3, "_hparams_/session_start_info").take_session_start_info();
    assert_eq!(start.get_hparams()["algorithm"].get_string_value(), "grpo");
    assert_eq!(start.get_hparams()["lr"].get_number_value(), 0.25);
    let end = data(4, "_hparams_/session_end_info").take_session_end_info();
    assert_eq!((end.get_status(), events[4].get_step()), (Status::STATUS_SUCCESS, 9));
}
