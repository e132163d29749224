from aiot_analysis.tables import names, paper


def test_table_i_says_what_each_benchmark_covers():
    table = paper.coverage()
    assert table["aiotbench"].all()
    assert table["mlperf_inference"].sum() == 2  # ResNet and MobileNet
    assert table.loc[table["ai_benchmark"], "item"].tolist() == ["Inception", "MobileNet", "TensorFlow Lite"]


def test_table_ii_as_printed():
    table = paper.models().set_index("model")
    assert list(table.index) == names.MODELS
    assert table.loc["inception_v3", ["flops_millions", "params_millions", "accuracy_percent"]].tolist() == [
        5000,
        23.2,
        78.8,
    ]
    assert table.loc["squeezenet", ["flops_millions", "layers", "branch"]].tolist() == [833, 34, "multi"]
    assert table["flops_millions"].sum() == 13048


def test_tables_iii_and_iv_as_printed():
    devices, top10 = paper.devices(), paper.top10()
    assert devices["paper_id"].tolist() == list(range(1, 52))
    assert devices.set_index("paper_id").loc[38].tolist() == ["Xiaomi Redmi Note 8 Pro", "MediaTek Helio G90T", 6, 9]
    assert top10["rank"].tolist() == list(range(1, 11))
    assert top10["vips"].iloc[[0, 9]].tolist() == [172.56, 129.46]
    assert set(top10["device"]) <= set(devices["device"])


def test_the_note_on_table_iv_agrees_with_the_tables():
    devices = paper.devices().set_index("device")
    flagship = devices[devices["soc"].isin(["Snapdragon 855", "Snapdragon 855+"])].index
    assert len(flagship) == 11
    assert len(set(flagship) - set(paper.top10()["device"])) == 6
    assert devices.loc["Meizu 16Xs", ["paper_id", "soc"]].tolist() == [43, "Snapdragon 675"]
    assert devices.loc["Meizu 16s", ["paper_id", "soc"]].tolist() == [50, "Snapdragon 855"]
    for fact in ("id 43", "Snapdragon 675", "six of the eleven", "id 50"):
        assert fact in paper.TOP10_NOTE


def test_the_suite_has_24_and_36_instances():
    assert len(set(names.PAPER_FLOAT32)) == 24
    assert len(set(names.PAPER_QUANTIZED)) == 36
    assert names.instance_display("tflite_cpu_int8_mobilenet_v2") == "MobileNetV2, TFLite CPU, INT8"


def test_the_counts_in_the_text_agree_with_the_tables():
    counts = paper.counts().set_index("count")["printed"]
    assert counts["devices"] == len(paper.devices()) == 51
    assert counts["models"] == len(paper.models())
    assert counts["float32_instances"] == counts["models"] * counts["implementations"] == 24
    assert counts["quantized_instances"] == counts["models"] * counts["quantizations"] * 2 == 36
    assert counts["images"] == counts["classes"] * counts["images_per_class"] == 500
