"""What holds runs on platforms against runs here has to see every difference, and none where there is none."""

import base64
import json

import pytest
from artifact_equality import VIEWS, Made, differences, sha256_of

tf = pytest.importorskip("tensorflow")

EXAMPLES = "Transform/transformed_examples/Split-train/transformed_examples-00000-of-00001.gz"
GRAPH = "Transform/transform_graph/transform_fn/saved_model.pb"
ASSET = "Transform/transform_graph/transform_fn/assets/vocabulary_vine"
MODEL = "Trainer/model/Format-Serving/saved_model.pb"
WEIGHTS = "Trainer/model/Format-Serving/variables/variables.data-00000-of-00001"
LATEST = "Trainer/model_run/checkpoints/latest/ckpt-1"
HISTORY = "Trainer/model_run/history.json"
EVENTS = "Trainer/model_run/logs/train/events.out.tfevents.{}.0.v2"
DECISION = "Evaluator/blessing/decision.json"
REPORT = "ServingCheck/blessing/report.json"
CARD = "ModelCard/card/card.json"
APPROVAL = "ModelApproval/approval/approval.json"
VERSION = "ModelRegistry/model_version/model_version.json"
RECEIPT = "Pusher/pushed_model/assets.extra/penstock_push.json"
SIGNATURE = "Pusher/pushed_model/assets.extra/model.sig"
STATISTICS = "StatisticsGen/statistics/Split-train/FeatureStats.pb"

ROWS = ((1, 0.5), (2, 0.25), (3, 0.125))


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


def row(stars, score, *, backwards=False):
    """A tf.Example of two features, in one order of them or the other."""
    values = {"stars": tf.train.Feature(int64_list=tf.train.Int64List(value=[stars]))}
    values["score"] = tf.train.Feature(float_list=tf.train.FloatList(value=[score]))
    entries = [field(1, field(1, name.encode()) + field(2, item.SerializeToString())) for name, item in values.items()]
    return field(1, b"".join(reversed(entries) if backwards else entries))


def write_rows(path, rows, **order):
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for values in rows:
            writer.write(row(*values, **order))


def saved_model(folder, *, backwards=False, value=1.0):
    """A graph of a table and a function of two constants, as TensorFlow writes one."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    definition = model.meta_graphs.add().graph_def
    table = definition.node.add(name="table", op="HashTableV2")
    table.attr["shared_name"].s = f"hash_table_tf.Tensor(b'{folder}/.temp_path/tftransform_tmp/vocabulary')_-1".encode()
    function = definition.library.function.add()
    function.signature.name = "serve"
    for name in ("a", "b")[:: -1 if backwards else 1]:
        constant = function.node_def.add(name=name, op="Const")
        constant.attr["value"].tensor.float_val.append(value if name == "a" else 2.0)
    return model.SerializeToString()


def checkpoint(prefix, seconds, *, moment=0.5):
    progress = json.dumps({"history": [{"loss": 1.5, "seconds": seconds}], "epoch": 1})
    made = tf.train.Checkpoint(moments=tf.Variable([moment]), progress=tf.Variable(progress, trainable=False))
    made.write(str(prefix))


def events(path, wall_time, *, loss=1.5):
    event = tf.compat.v1.Event(wall_time=wall_time, step=1)
    event.summary.value.add(tag="epoch_loss", simple_value=loss)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(event.SerializeToString())


class Run:
    """The files of a run; everything that may differ between two equal runs differs with the name."""

    def __init__(self, root, name):
        self.root, self.name, self.is_second = root / name, name, name == "there"
        seconds, time = (2.5, 2000.0) if self.is_second else (0.75, 1000.0)
        backwards = {"backwards": self.is_second}
        write_rows(self.file(EXAMPLES), ROWS, **backwards)
        for graph in (GRAPH, MODEL):
            self.file(graph).write_bytes(saved_model(self.root, **backwards))
        self.file(ASSET).write_text("N\nY\n")
        self.file(WEIGHTS).write_bytes(b"weights")
        checkpoint(self.file(LATEST), seconds)
        self.write_json(HISTORY, {"epochs": [{"loss": 1.5, "seconds": seconds}]})
        events(self.file(EVENTS.format(f"{time:.0f}.{name}.7")), time)
        self.write_json(REPORT, {"blessed": True, "load_s": seconds, "probe": {"exit_code": 0, "stderr": name}})
        self.decide()
        self.write_json(CARD, {"digest": self.made.model_digest, "run": name, "accuracy": 0.8})
        self.file(STATISTICS).write_bytes(b"statistics")
        self.publish()

    def decide(self, *, blessed=True):
        """Compares with a model that an execution of another number wrote."""
        baseline = f"{self.root}/artifacts/reviews/Trainer/model/{7 + self.is_second}"
        self.write_json(DECISION, {"blessed": blessed, "baseline_model": baseline})

    def publish(self, *, by="ann", weights="w"):
        """Approves, registers, pushes and signs the model."""
        at, version = f"2026-01-0{1 + self.is_second}T08:00:00Z", f"170000000{1 + self.is_second}"
        decision = {"number": 2 + self.is_second, "at": at, "by": by, "hash": self.name}
        evidence = {"Evaluator": sha256_of(self.file(DECISION)), "ServingCheck": sha256_of(self.file(REPORT))}
        said = {"decisions": [decision], "evidence": evidence, "reasons": [f"approved on {at}"]}
        self.write_json(APPROVAL, {**said, "model_digest": self.made.model_digest})
        self.write_json(VERSION, {"registry": f"{self.root}/registry", "version": version})
        self.write_json(RECEIPT, {"model_uri": f"{self.root}/Trainer/model/7", "version": int(version)})
        digests = {"saved_model.pb": self.name, "variables/variables.index": weights}
        resources = [{"name": name, "digest": digest} for name, digest in digests.items()]
        subject = [{"name": version, "digest": {"sha256": self.name}}]
        statement = json.dumps({"subject": subject, "predicate": {"resources": resources}})
        payload = base64.b64encode(statement.encode()).decode()
        self.write_json(SIGNATURE, {"dsseEnvelope": {"payload": payload, "signatures": [{"sig": self.name}]}})

    def file(self, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, name, document):
        self.file(name).write_text(json.dumps(document))

    @property
    def made(self):
        folders = {(key.parent.name, key.name): key for key in self.root.glob("*/*")}
        return Made(folders, {self.name: "RUN", str(self.root): "ROOT"})


@pytest.fixture
def here(tmp_path):
    return Run(tmp_path, "here")


@pytest.fixture
def there(tmp_path):
    return Run(tmp_path, "there")


def test_runs_that_differ_in_names_times_and_orders_only_are_equal(here, there):
    assert here.file(EXAMPLES).read_bytes() != there.file(EXAMPLES).read_bytes()
    assert here.file(MODEL).read_bytes() != there.file(MODEL).read_bytes()
    assert here.file(CARD).read_bytes() != there.file(CARD).read_bytes()
    assert differences(here.made, there.made) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (((1, 0.5), (2, 0.2500001), (3, 0.125)), "[1]: "),
        (ROWS[:2], "3 here, 2 there"),
        ((*ROWS, ROWS[0]), "3 here, 4 there"),
        ((ROWS[0], ROWS[0], ROWS[2]), "[1]: "),
        ((ROWS[1], ROWS[0], ROWS[2]), "[0]: "),
    ],
    ids=["changed value", "lost row", "doubled row", "doubled for another", "other order"],
)
def test_other_rows_are_seen(here, there, rows, said):
    write_rows(there.file(EXAMPLES), rows)
    (found,) = differences(here.made, there.made)
    assert found.startswith(f"{EXAMPLES}: {said}")


def test_another_node_of_a_graph_is_seen(here, there):
    there.file(GRAPH).write_bytes(saved_model(there.root, value=1.5))
    (found,) = differences(here.made, there.made)
    assert found.startswith(f"{GRAPH}: 0/serve/a: ")


def test_another_table_is_seen_though_its_folder_is_not(here, there):
    other = there.file(GRAPH).read_bytes().replace(b"vocabulary", b"vocabulari")
    there.file(GRAPH).write_bytes(other)
    (found,) = differences(here.made, there.made)
    assert found.startswith(f"{GRAPH}: 0/table: ")


@pytest.mark.parametrize("name", [ASSET, WEIGHTS, STATISTICS])
def test_any_other_byte_is_seen(here, there, name):
    path = there.file(name)
    path.write_bytes(path.read_bytes() + b"x")
    assert [found.partition(":")[0] for found in differences(here.made, there.made) if name in found] == [name]


def test_another_model_is_no_other_name_for_the_same(here, there):
    there.write_json(CARD, {"digest": here.made.model_digest, "run": "there", "accuracy": 0.8})
    (found,) = differences(here.made, there.made)
    assert found.startswith(f"{CARD}: digest: 'MODEL' here")


def test_other_tensors_of_a_checkpoint_are_seen(here, there):
    checkpoint(there.file(LATEST), 0.75, moment=0.5000001)
    (found,) = differences(here.made, there.made)
    assert found.startswith(f"{LATEST}.index: moments")


def test_another_loss_is_seen_where_its_seconds_are_not(here, there):
    there.write_json(HISTORY, {"epochs": [{"loss": 1.25, "seconds": 0.75}]})
    (board,) = there.root.glob("Trainer/model_run/logs/train/*")
    events(board, 2000.0, loss=1.25)
    found = differences(here.made, there.made)
    assert found[0] == f"{HISTORY}: epochs[0].loss: 1.5 here, 1.25 there"
    assert found[1].startswith("Trainer/model_run/logs/train/events.0: [0]")
    assert len(found) == 2


def test_another_verdict_is_seen_where_its_times_are_not(here, there):
    there.write_json(REPORT, {"blessed": False, "load_s": 0.75, "probe": {"exit_code": 0, "stderr": "here"}})
    there.publish()
    assert differences(here.made, there.made) == [f"{REPORT}: blessed: True here, False there"]


def test_another_decision_is_seen_and_so_is_an_approval_of_another(here, there):
    there.decide(blessed=False)
    decision, approval = sorted(differences(here.made, there.made))
    assert decision == f"{DECISION}: blessed: True here, False there"
    assert approval.startswith(f"{APPROVAL}: evidence.Evaluator: {DECISION!r} here")


def test_another_person_who_approved_is_seen(here, there):
    there.publish(by="bob")
    assert differences(here.made, there.made) == [f"{APPROVAL}: decisions[0].by: 'ann' here, 'bob' there"]


def test_other_weights_are_seen_in_what_was_signed(here, there):
    there.publish(weights="others")
    (found,) = differences(here.made, there.made)
    assert found == f"{SIGNATURE}: predicate.resources[1].digest: 'w' here, 'others' there"


def test_what_only_one_run_made_is_seen(here, there):
    there.file("Evaluator/evaluation/metrics").touch()
    here.file(ASSET).with_name("another").touch()
    assert differences(here.made, there.made) == [
        "Evaluator/evaluation: only there",
        "Evaluator/evaluation/metrics: only there",
        "Transform/transform_graph/transform_fn/assets/another: only here",
    ]


def test_every_file_has_a_view_and_every_view_that_leaves_something_out_says_why():
    *special, (pattern, _, _) = VIEWS
    assert pattern == "*"
    assert all(reason for _, _, reason in special)
