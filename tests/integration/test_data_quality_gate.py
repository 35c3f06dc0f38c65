"""DataQualityGate's executor on real Examples artifacts: what it refuses, what it keeps, what it lets pass."""

import datetime
import json

import pyarrow as pa
import pytest

from components.arrow_example_gen.encode import encode_examples
from components.arrow_example_gen.writers import SplitWriter
from components.data_quality_gate.settings import Constraint, QualitySettings
from components.errors import GateRefused
from components.gate.waiver import Waiver

pytestmark = pytest.mark.integration

BEAM_ARGS = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--sdk_container_image=this-process"]
TODAY = datetime.datetime.now(datetime.UTC).date()


def ids(first, rows):
    return pa.array([f"R{number}".encode() for number in range(first, first + rows)], pa.binary())


def orders(first, rows):
    """Clean rows: unique ids, stars 1 to 5 in turn, helpful <= total, dates up to today, an id of an earlier row."""
    numbers = range(first, first + rows)
    return {
        "id": ids(first, rows),
        "stars": pa.array([1 + number % 5 for number in numbers], pa.int64()),
        "helpful": pa.array([number % 7 for number in numbers], pa.int64()),
        "total": pa.array([number % 7 + number % 2 for number in numbers], pa.int64()),
        "price": pa.array([number / 10 for number in numbers], pa.float32()),
        "day": pa.array([f"{TODAY - datetime.timedelta(days=number % 3)}".encode() for number in numbers], pa.binary()),
        "answers": pa.array([f"R{number // 2}".encode() if number % 2 else None for number in numbers], pa.binary()),
    }


CONSTRAINTS = (
    Constraint("size", min=600, max=600),
    Constraint("completeness", column="id"),
    Constraint("completeness", column="answers", min=0.5, max=0.5),
    Constraint("uniqueness", columns=("id",)),
    Constraint("uniqueness", columns=("stars", "price")),
    Constraint("compliance", expression="helpful <= total and stars in (1, 2, 3, 4, 5)"),
    Constraint("allowed_values", column="stars", values=(1, 2, 3, 4, 5)),
    Constraint("pattern", column="id", regex="R[0-9]+"),
    Constraint("foreign_key", column="answers", references="id"),
    Constraint("minimum", column="price", min=0),
    Constraint("maximum", column="price", max=59.9),
    Constraint("mean", column="stars", min=3, max=3),
    Constraint("standard_deviation", column="stars", min=1.41, max=1.42),
    Constraint("quantile", column="price", quantile=0.5, min=29.9, max=30),
    Constraint("correlation", columns=("helpful", "total"), min=0.9),
    Constraint("freshness", column="day", max_age_days=2),
)


class Gate:
    """The executor in its own folder, and what it left there."""

    def __init__(self, folder):
        self.folder = folder

    def artifact(self, kind, name, **properties):
        made = kind()
        made.uri, made.id = str(self.folder / name), 1
        for key, value in properties.items():
            setattr(made, key, value)
        return made

    def run(self, splits, constraints=CONSTRAINTS, before=None, **settings):
        """Runs the executor on these columns by split; a split of None has no folder."""
        from tfx.types.standard_artifacts import Examples

        from components.data_quality_gate.artifact import ConstraintSuggestions, OffendingRows, QualityMetrics
        from components.data_quality_gate.executor import Executor
        from components.gate.artifact import GateResult

        for split, columns in splits.items():
            if columns is not None:
                with SplitWriter(str(self.folder / "examples" / f"Split-{split}")) as writer:
                    if len(next(iter(columns.values()))):
                        writer.write(encode_examples(columns))
        inputs = {"examples": [self.artifact(Examples, "examples", split_names=json.dumps(list(splits)))]}
        if before is not None:
            inputs["previous_metrics"] = [self.artifact(QualityMetrics, "before", rows=before, span=1)]
        kinds = {
            "metrics": QualityMetrics,
            "result": GateResult,
            "suggestions": ConstraintSuggestions,
            "offending_rows": OffendingRows,
        }
        self.outputs = {key: [self.artifact(kind, key)] for key, kind in kinds.items()}
        properties = {"settings": json.dumps(QualitySettings(constraints=constraints, **settings).to_json())}
        context = Executor.Context(tmp_dir=str(self.folder / "tmp"), unique_id="1", beam_pipeline_args=BEAM_ARGS)
        Executor(context).Do(inputs, self.outputs, properties)

    def refusal(self, *arguments, **settings):
        with pytest.raises(GateRefused) as refused:
            self.run(*arguments, **settings)
        return str(refused.value)

    def document(self, key, name):
        return json.loads((self.folder / key / name).read_text(encoding="utf-8"))

    @property
    def findings(self):
        return {item["check"]: item for item in self.document("result", "decision.json")["findings"]}

    @property
    def rows(self):
        lines = (self.folder / "offending_rows" / "rows.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


def test_clean_data_passes_every_kind_of_constraint_and_leaves_four_outputs(gate):
    gate.run({"train": orders(0, 400), "eval": orders(400, 200)})
    failed = [item["sentence"] for item in gate.findings.values() if item["passed"] is not True]
    assert failed == []
    assert (gate.outputs["result"][0].passed, gate.outputs["metrics"][0].rows) == (1, 600)
    metrics = gate.document("metrics", "metrics.json")
    assert metrics["rows"] == {"train": 400, "eval": 200}
    assert {item["check"]: item["value"] for item in metrics["constraints"]}["maximum(price)"] == 59.9
    assert metrics["profile"]["columns"]["answers"]["completeness"] == 0.5
    proposed = [item["constraint"] for item in gate.document("suggestions", "suggestions.json")["suggestions"]]
    assert {"kind": "uniqueness", "columns": ["id"]} in proposed
    assert {row["check"] for row in gate.rows} == {"completeness(answers)"}  # half of them lack it, as is allowed


def test_a_key_that_is_in_two_splits_is_refused_with_its_row_and_everything_is_kept(gate):
    message = gate.refusal({"train": orders(0, 400), "eval": orders(399, 200)}, CONSTRAINTS[3:4])
    assert "uniqueness(id): 2 of 600 rows break it" in message
    assert "id = 'R399' (2 times) in split train" in message
    assert "under quality.waivers" in message
    (row,) = gate.rows
    assert (row["check"], row["times"], row["row"]["id"]) == ("uniqueness(id)", 2, "R399")
    assert gate.outputs["result"][0].passed == 0
    assert gate.document("metrics", "metrics.json")["constraints"] == [
        {"check": "uniqueness(id)", "value": 598 / 600, "rows": 600}
    ]
    assert gate.document("suggestions", "suggestions.json")["suggestions"]


def test_a_warning_is_told_and_a_waived_error_lets_pass(gate):
    tomorrow = TODAY + datetime.timedelta(days=1)  # a run may cross midnight
    waiver = Waiver("size", "the first delivery is small", tomorrow)
    told = Constraint("mean", column="stars", max=2, severity="warning")
    gate.run({"train": orders(0, 100)}, (Constraint("size", min=1000), told), waivers=(waiver,))
    result = gate.outputs["result"][0]
    assert (result.passed, result.warnings, result.waived) == (1, 1, 1)


@pytest.mark.parametrize(("rows", "passes"), [(500, True), (499, False)])
def test_the_number_of_rows_is_compared_with_the_span_before(gate, rows, passes):
    constraint = (Constraint("row_count_change", min=-0.5),)
    if passes:
        gate.run({"train": orders(0, rows)}, constraint, before=1000)
        assert gate.findings["row_count_change"]["measured"] == -0.5
    else:
        assert "changed by -50.1% to 499" in gate.refusal({"train": orders(0, rows)}, constraint, before=1000)


def test_without_a_span_before_the_change_is_not_decided(gate):
    gate.run({"train": orders(0, 100)}, (Constraint("row_count_change", min=-0.5),))
    assert gate.findings["row_count_change"]["passed"] is None


@pytest.mark.parametrize("eval_rows", [None, orders(0, 0)])
def test_a_split_without_rows_is_refused(gate, eval_rows):
    message = gate.refusal({"train": orders(0, 100), "eval": eval_rows}, (Constraint("completeness", column="id"),))
    assert "Split 'eval' has no rows" in message
    assert gate.document("metrics", "metrics.json")["rows"] == {"train": 100, "eval": 0}


def test_a_column_that_one_split_lacks_misses_there(gate):
    short = {name: values for name, values in orders(100, 100).items() if name != "price"}
    message = gate.refusal({"train": orders(0, 100), "eval": short}, (Constraint("completeness", column="price"),))
    assert "100 of 200 rows break it" in message
    assert {row["split"] for row in gate.rows} == {"eval"}


def test_an_expression_that_does_not_fit_the_data_is_refused_in_words_and_the_others_are_measured(gate):
    wrong = Constraint("compliance", expression="id > 3")
    message = gate.refusal({"train": orders(0, 100)}, (wrong, Constraint("size", min=1)))
    assert "'id > 3' does not fit the columns' types" in message
    assert gate.findings["size"]["passed"] is True


def test_offending_rows_do_not_depend_on_the_order_of_the_rows(gate, tmp_path):
    table = pa.table(orders(0, 5000))
    backwards = table.take(pa.array(range(4999, -1, -1)))
    wrong = (Constraint("maximum", column="stars", max=9), Constraint("compliance", expression="stars != 4"))
    gate.refusal({"train": {name: table[name].combine_chunks() for name in table.column_names}}, wrong)
    other = Gate(tmp_path / "other")
    other.refusal({"train": {name: backwards[name].combine_chunks() for name in table.column_names}}, wrong)
    assert len(gate.rows) == 10
    assert gate.rows == other.rows
