"""TrainingBalancer on Beam: counts, rows and bytes of what it writes, and who reads it."""

import collections
import dataclasses
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from components.errors import BadData
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind

pytestmark = pytest.mark.integration

BEAM_ARGS = ["--runner=FnApiRunner", "--direct_running_mode=in_memory"]
FEATURES = FeatureSpec(
    Label("y", LabelKind.BINARY, DType.STRING), (Feature("shop", FeatureKind.CATEGORICAL, DType.STRING),)
)
Row = tuple[int, int, tuple[int, ...]]
"""Label (-1 = none), shop's id, token ids."""

TRAIN: list[Row] = [
    *((0, 1 + number % 4, (number, number + 1, 0)) for number in range(300)),
    *((1, 1 + number % 3, (number, 7)) for number in range(40)),
    *((-1, 0, (number,)) for number in range(5)),
]
EVAL: list[Row] = [(0, 1, (1,)), (1, 1, (2,)), (0, 0, (3,))]


def record(row: Row) -> bytes:
    import tensorflow as tf

    label, shop, tokens = row
    columns = {"y_xf": [label], "shop_xf": [shop], "text_xf": tokens}
    features = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=ids)) for name, ids in columns.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def row_of(serialized: bytes) -> Row:
    import tensorflow as tf

    columns = tf.train.Example.FromString(serialized).features.feature
    values = {name: tuple(columns[name].int64_list.value) for name in ("y_xf", "shop_xf", "text_xf")}
    return values["y_xf"][0], values["shop_xf"][0], values["text_xf"]


def write_split(folder: Path, rows: list[Row], files: int) -> None:
    import tensorflow as tf

    folder.mkdir(parents=True)
    for number in range(files):
        with tf.io.TFRecordWriter(str(folder / f"transformed_examples-{number:05d}.gz"), "GZIP") as writer:
            for row in rows[number::files]:
                writer.write(record(row))


def read_split(folder: Path) -> list[Row]:
    import tensorflow as tf

    files = sorted(str(path) for path in folder.iterdir())
    return [row_of(item.numpy()) for item in tf.data.TFRecordDataset(files, compression_type="GZIP")]


@dataclasses.dataclass(frozen=True)
class Balanced:
    """What the node wrote."""

    source: Path
    folder: Path
    balance: dict[str, Any]
    report: Any
    examples: Any

    def split_bytes(self, split: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / f"Split-{split}").iterdir())}


def balance(folder: Path, settings: BalancingSettings, rows: list[Row] = TRAIN, files: int = 2) -> Balanced:
    from tfx.types import standard_artifacts

    from components.training_balancer.artifact import BalanceReport
    from components.training_balancer.executor import Executor

    write_split(folder / "source/Split-train", rows, files)
    write_split(folder / "source/Split-eval", EVAL, 1)
    assets = folder / "graph/transform_fn/assets"
    assets.mkdir(parents=True)
    (assets / "label_classes").write_bytes(b"no\nyes\n")
    (assets / "vocabulary_shop").write_bytes(b"north\nsouth\nwest\n")
    source, graph = standard_artifacts.Examples(), standard_artifacts.TransformGraph()
    made, report = standard_artifacts.Examples(), BalanceReport()
    for artifact, name in ((source, "source"), (graph, "graph"), (made, "made"), (report, "report")):
        artifact.uri = str(folder / name)
    source.split_names = '["train", "eval"]'
    source.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    context = Executor.Context(tmp_dir=str(folder / "tmp"), unique_id="1", beam_pipeline_args=BEAM_ARGS)
    Executor(context).Do(
        {"transformed_examples": [source], "transform_graph": [graph]},
        {"balanced_examples": [made], "balance": [report]},
        {"settings": json.dumps(settings.to_json()), "features": json.dumps(FEATURES.to_json())},
    )
    document = json.loads((folder / "report/balance.json").read_text(encoding="utf-8"))
    return Balanced(folder / "source", folder / "made", document, report, made)


@pytest.fixture(scope="module")
def fewer(tmp_path_factory: pytest.TempPathFactory) -> Balanced:
    return balance(tmp_path_factory.mktemp("fewer"), BalancingSettings("downsample", target=0.5))


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Balanced:
    return balance(tmp_path_factory.mktemp("more"), BalancingSettings("upsample", max_factor=5.5))


def labels(rows: list[Row]) -> collections.Counter[int]:
    return collections.Counter(row[0] for row in rows)


def test_down_sampling_leaves_out_rows_and_invents_none(fewer: Balanced) -> None:
    rows = read_split(fewer.folder / "Split-train")
    assert labels(rows) == {0: 80, 1: 40, -1: 5}
    assert not collections.Counter(rows) - collections.Counter(TRAIN)


def test_up_sampling_repeats_rows_and_loses_none(more: Balanced) -> None:
    rows = collections.Counter(read_split(more.folder / "Split-train"))
    # 300 would need 7.5 copies of each of the 40 rows; 5.5 are allowed.
    assert labels(list(rows.elements())) == {0: 300, 1: 220, -1: 5}
    assert rows.keys() == set(TRAIN)
    assert collections.Counter(count for row, count in rows.items() if row[0] == 1) == {5: 20, 6: 20}


def test_copies_are_mixed_with_the_other_rows(more: Balanced) -> None:
    rows = read_split(more.folder / "Split-train")
    longest = max(len(list(group)) for _, group in itertools.groupby(row[0] for row in rows))
    assert longest < 40  # of 525 in a random order about 10 to 15; sorted by class 220 or more


def test_no_other_split_changes_by_a_byte(fewer: Balanced, more: Balanced) -> None:
    for made in (fewer, more):
        before = {path.name: path.read_bytes() for path in (made.source / "Split-eval").iterdir()}
        assert made.split_bytes("eval") == before
        assert read_split(made.folder / "Split-eval") == EVAL


def test_neither_the_order_of_rows_nor_the_number_of_files_changes_a_byte(fewer: Balanced, tmp_path: Path) -> None:
    again = balance(tmp_path, BalancingSettings("downsample", target=0.5), rows=TRAIN[::-1], files=5)
    assert again.split_bytes("train") == fewer.split_bytes("train")


def test_another_seed_keeps_other_rows(fewer: Balanced, tmp_path: Path) -> None:
    other = balance(tmp_path, BalancingSettings("downsample", target=0.5, seed=1))
    kept, before = read_split(other.folder / "Split-train"), read_split(fewer.folder / "Split-train")
    assert labels(kept) == labels(before)
    shared = len({row for row in kept if row[0] == 0} & {row for row in before if row[0] == 0})
    assert shared < 50  # 80 of 300 twice at random: 21 expected, standard deviation about 3.4


def test_what_was_done_is_recorded(more: Balanced) -> None:
    no, yes = more.balance["classes"]
    assert (no["name"], no["before"], no["after"]) == ("no", 300, 300)
    assert (yes["name"], yes["before"], yes["after"]) == ("yes", 40, 220)
    assert yes["share_before"] == pytest.approx(40 / 340)
    assert yes["share_after"] == pytest.approx(220 / 520)
    assert more.balance["rows_without_class"] == 5
    assert (more.report.method, more.report.rows_before, more.report.rows_after) == ("upsample", 345, 525)
    assert json.loads(more.report.classes) == {"no": [300, 300], "yes": [40, 220]}
    assert more.report.warnings == 1
    assert "balancing.max_factor allows 5.5 times its 40 rows" in more.balance["warnings"][0]


def test_the_examples_are_described_as_those_that_were_read(more: Balanced) -> None:
    assert json.loads(more.examples.split_names) == ["train", "eval"]
    assert more.examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"


def test_weights_stand_beside_the_same_rows_and_reach_the_training(tmp_path: Path) -> None:
    from models.tabular_text.data import given_weights

    weighed = balance(tmp_path, BalancingSettings("class_weights"))
    before = {path.name: path.read_bytes() for path in (weighed.source / "Split-train").iterdir()}
    assert weighed.split_bytes("train") == before
    pattern = os.path.join(weighed.folder, "Split-train", "*")
    # rows / (classes * rows of the class), of the 340 rows with a label
    assert given_weights([pattern], 2) == pytest.approx((340 / (2 * 300), 340 / (2 * 40)))


def test_a_feature_can_be_balanced_instead_of_the_label(tmp_path: Path) -> None:
    made = balance(tmp_path, BalancingSettings("downsample", by="shop"))
    # Ids 1 to 3 are in the vocabulary, 75 + 14, 75 + 13, 75 + 13 rows; 4 is not, and 0 has no shop: those stay.
    shops = collections.Counter(row[1] for row in read_split(made.folder / "Split-train"))
    assert shops == {1: 88, 2: 88, 3: 88, 4: 75, 0: 5}
    assert [item["name"] for item in made.balance["classes"]] == ["north", "south", "west"]


def test_a_column_without_a_vocabulary_cannot_be_balanced(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="vocabulary_city is not there"):
        balance(tmp_path, BalancingSettings("downsample", by="city"))


def test_a_class_of_two_rows_stops_down_sampling(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"'yes' \(2\)"):
        balance(tmp_path, BalancingSettings("downsample"), rows=[*TRAIN[:300], *TRAIN[300:302]])


def test_a_large_split_becomes_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.training_balancer.resample.SHARD_ROWS", 100)
    made = balance(tmp_path, BalancingSettings("upsample", max_factor=20.0))
    assert len(made.split_bytes("train")) == 7  # 605 rows
    assert labels(read_split(made.folder / "Split-train")) == {0: 300, 1: 300, -1: 5}
