import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from synthetic_store import SyntheticStore
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.arrow_example_gen.tfrecord import frame
from pipeline.errors import NotReproduced
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.story import tell
from pipeline.lineage.target import Target
from pipeline.metadata import LineageStore
from pipeline.reproduction import weights
from pipeline.reproduction.comparison import Finding, compare, verdict_of, weights_finding
from pipeline.reproduction.weights import WeightComparison, compare_weights


def finding(name, outcome):
    return Finding(name, outcome, "seen")


def test_bit_for_bit_is_said_only_of_weights_that_were_compared():
    assert verdict_of([finding("weights", "same")]).sentence == "equal: same weights bit for bit"
    verdict = verdict_of([finding("rows", "same"), finding("weights", "not compared")])
    assert verdict.word == "equal"
    assert "no model was compared" in verdict.sentence


def test_one_difference_makes_it_different_and_is_named():
    verdict = verdict_of(
        [finding("weights", "same"), finding("metrics", "close"), Finding("rows", "different", "1 → 2")]
    )
    assert (verdict.word, verdict.sentence) == ("different", "different: rows: 1 → 2")


def test_nothing_compared_is_not_equal():
    assert verdict_of([finding("weights", "not compared")]).word == "different"


def test_small_differences_are_equal_in_effect():
    assert verdict_of([finding("weights", "close"), finding("rows", "same")]).word == "equal in effect"


def arrays(**values):
    return {name: np.array(value, np.float32) for name, value in values.items()}


def test_the_largest_difference_of_weights_is_measured():
    one, other = arrays(a=[1.0, 2.0], b=[[0.5]]), arrays(a=[1.0, 2.25], b=[[0.5]])
    found = weights._compared(one, other)
    assert found == WeightComparison(tensors=2, values=3, differing=("a",), largest=0.25)
    assert weights_finding(found).outcome == "different"
    assert weights_finding(dataclasses.replace(found, largest=1e-6)).outcome == "close"


def test_a_negative_zero_is_another_bit():
    found = weights._compared(arrays(a=[0.0]), arrays(a=[-0.0]))
    assert (found.differing, found.largest) == (("a",), 0.0)
    assert weights_finding(found).outcome == "close"


@pytest.mark.parametrize("other", [{"a": [1.0, 2.0, 3.0]}, {"b": [1.0, 2.0]}, {}])
def test_another_shape_or_name_is_different_by_no_number(other):
    found = weights._compared(arrays(a=[1.0, 2.0]), arrays(**other))
    assert math.isnan(found.largest)
    assert weights_finding(found).outcome == "different"


def test_equal_nans_are_equal_bits():
    assert weights._compared(arrays(a=[math.nan]), arrays(a=[math.nan])).differing == ()


def test_equal_files_are_compared_without_tensorflow(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name / "variables").mkdir(parents=True)
        (tmp_path / name / "variables" / "variables.index").write_bytes(b"same")
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    assert compare_weights(tmp_path / "one", tmp_path / "other") is None


def test_models_that_cannot_be_read_are_an_error_that_names_them(tmp_path, monkeypatch):
    failed = weights.subprocess.CompletedProcess([], 1, "", "Traceback\nNotFoundError: no such checkpoint")
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(NotReproduced, match="no such checkpoint"):
        compare_weights(tmp_path / "one", tmp_path / "other")


ROWS = {("ArrowExampleGen", "examples"): {"rows_in": 10, "rows_train": 8, "fingerprint": "f" * 64}}
ROWS_OF_OTHER_BYTES = {("ArrowExampleGen", "examples"): {**ROWS["ArrowExampleGen", "examples"], "fingerprint": "0"}}
DECISION = {"blessed": True, "metrics": {"accuracy": 0.5, "skill": None, "odd": float("nan")}}


def row(*names):
    """A serialized tf.Example: each column holds the bytes list of its own name, in this order."""
    entries = []
    for name in names:
        value = b"\x0a" + bytes([len(name)]) + name.encode()  # BytesList.value
        feature = b"\x0a" + bytes([len(value)]) + value  # Feature.bytes_list
        entry = b"\x0a" + bytes([len(name)]) + name.encode() + b"\x12" + bytes([len(feature)]) + feature
        entries.append(b"\x0a" + bytes([len(entry)]) + entry)
    features = b"".join(entries)
    return b"\x0a" + bytes([len(features)]) + features


def made(
    folder,
    *,
    rows=ROWS,
    decision=DECISION,
    blessed=True,
    features=("a", "b"),
    vocabulary=b"x\n",
    schema=b"s",
    mean=1.5,
    records=None,
):
    """The story of a run whose artifacts hold these."""
    store = SyntheticStore(folder)
    store.add_run("run-1", properties=rows, blessed=blessed, files=True)
    graph = LineageGraph.read(LineageStore(store.runs.metadata_uri))
    story = tell(Target(None, "run-1"), graph, store.runs)
    folders = {artifact.type_name: Path(artifact.uri) for artifact in story.outputs}
    folders["Examples"] = Path(story.data.examples.uri)
    write(folders["ModelBlessing"] / "decision.json", json.dumps(decision).encode())
    write(folders["Schema"] / "schema.pbtxt", schema)
    write(folders["TransformGraph"] / "transform_fn" / "assets" / "vocabulary_a", vocabulary)
    write(folders["ExampleStatistics"] / "Split-train" / "FeatureStats.pb", statistics(features, mean))
    write(folders["Examples"] / "Split-train" / "data.gz", frame(records or [row("a", "b")]))
    write(folders["Model"] / "Format-Serving" / "saved_model.pb", b"")
    write(folders["Model"] / "Format-Serving" / "variables" / "variables.index", b"w")
    return story


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def statistics(features, mean):
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add()
    for name in features:
        feature = dataset.features.add()
        feature.path.step.append(name)
        feature.num_stats.mean = mean
    return found.SerializeToString()


def test_equal_runs_are_equal_whatever_order_statistics_are_in(tmp_path):
    verdict = compare(made(tmp_path / "1"), made(tmp_path / "2", features=("b", "a")))
    assert verdict.sentence == "equal: same weights bit for bit", verdict.findings
    assert [item.name for item in verdict.findings if item.outcome == "not compared"] == ["decision of ServingCheck"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            {"rows": {("ArrowExampleGen", "examples"): {"rows_in": 11, "rows_train": 8, "fingerprint": "f" * 64}}},
            "10 → 11",
        ),
        ({"rows": ROWS_OF_OTHER_BYTES, "records": [row("a", "c")]}, "examples: rows of train"),
        ({"schema": b"other"}, "schema.pbtxt differ"),
        ({"vocabulary": b"y\n"}, "vocabulary_a differ"),
        ({"features": ("a", "c")}, "train: b, train: c"),
        ({"decision": {"metrics": {"accuracy": 0.75, "skill": None, "odd": float("nan")}}}, "accuracy 0.5 → 0.75"),
        ({"decision": {"metrics": {"accuracy": 0.5}}}, "odd nan → None"),
        ({"blessed": False}, "blessed → not blessed"),
    ],
)
def test_each_difference_is_found_and_named(tmp_path, change, named):
    verdict = compare(made(tmp_path / "1"), made(tmp_path / "2", **change))
    assert verdict.word == "different"
    assert named in verdict.sentence


def test_metrics_that_differ_in_the_last_digits_are_close(tmp_path):
    near = {"metrics": {**DECISION["metrics"], "accuracy": 0.5005}}
    verdict = compare(made(tmp_path / "1"), made(tmp_path / "2", decision=near))
    assert [(item.name, item.outcome) for item in verdict.findings if item.outcome == "close"] == [("metrics", "close")]


@pytest.mark.parametrize(("mean", "outcome"), [(1.5 + 2**-52, "close"), (1.5, "same"), (1.50001, "different")])
def test_statistics_may_differ_in_the_last_digits(tmp_path, mean, outcome):
    verdict = compare(made(tmp_path / "1"), made(tmp_path / "2", mean=mean))
    assert {item.outcome for item in verdict.findings if item.name == "statistics"} == {outcome}


def test_rows_are_equal_in_whatever_order_their_columns_were_written(tmp_path):
    again = made(tmp_path / "2", rows=ROWS_OF_OTHER_BYTES, records=[row("b", "a")])
    verdict = compare(made(tmp_path / "1"), again)
    assert verdict.word == "equal", verdict.findings
    (found,) = (item for item in verdict.findings if item.name == "examples")
    assert (found.outcome, found.seen) == ("same", "rows equal")


@pytest.mark.parametrize("garbage", [b"", b"\x0a", b"nonsense" * 100, b"\x0a\x05\x0a\x01"])
def test_rows_that_cannot_be_read_are_not_compared(tmp_path, garbage):
    again = made(tmp_path / "2", rows=ROWS_OF_OTHER_BYTES)
    next(Path(again.data.examples.uri).glob("Split-train/*")).write_bytes(frame([garbage]) if garbage else b"cut")
    verdict = compare(made(tmp_path / "1"), again)
    assert {item.outcome for item in verdict.findings if item.name == "examples"} == {"not compared"}
