import datetime
import json
import re

import pytest

from components.data_quality_gate.measures import measure_of
from components.data_quality_gate.settings import KINDS, Constraint, QualitySettings
from components.gate.waiver import Waiver


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"kind": "sise"}, "kind 'sise' is not one of size, completeness"),
        ({"kind": "completeness"}, "completeness needs column; not there: column."),
        ({"kind": "foreign_key", "column": "a"}, "not there: references."),
        ({"kind": "size", "min": 1, "column": "a"}, "size takes no column."),
        ({"kind": "mean", "column": "a"}, "mean needs min, max or both."),
        ({"kind": "mean", "column": "a", "min": 2, "max": 1}, "min 2 is above max 1."),
        ({"kind": "completeness", "column": "a", "min": 95}, "is a share of rows, from 0 to 1; found 95."),
        (
            {"kind": "freshness", "column": "a", "max_age_days": 1, "max": 2},
            "takes max_age_days in place of min and max",
        ),
        ({"kind": "freshness", "column": "a", "max_age_days": -1}, "max_age_days is -1"),
        ({"kind": "quantile", "column": "a", "quantile": 1, "min": 0}, "quantile 1 is not above 0 and below 1."),
        ({"kind": "correlation", "columns": ("a", "a"), "min": 0}, "needs two different columns, found a, a."),
        ({"kind": "row_count_change", "min": 0, "where": "a > 1"}, "takes no where"),
        ({"kind": "pattern", "column": "a", "regex": "("}, "regex '(' is not understood"),
        ({"kind": "compliance", "expression": "a >"}, "expression 'a >'"),
        ({"kind": "size", "min": 1, "where": "a >"}, "expression 'a >'"),
    ],
)
def test_a_wrong_constraint_says_what_is_wrong(arguments, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        Constraint(**arguments)


def test_all_problems_are_told_at_once():
    with pytest.raises(ValueError, match="share of rows") as refused:
        Constraint("pattern", column="a", regex="(", min=2, where="b >")
    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("constraint", "name"),
    [
        (Constraint("size", min=1), "size"),
        (Constraint("size", min=1, where="a > 1"), "size(where a > 1)"),
        (Constraint("uniqueness", columns=("a", "b")), "uniqueness(a, b)"),
        (Constraint("quantile", column="a", quantile=0.95, min=0), "quantile(a, 0.95)"),
        (Constraint("foreign_key", column="a", references="b"), "foreign_key(a in b)"),
        (Constraint("compliance", expression="a > 1", where="b > 1"), "compliance(a > 1 where b > 1)"),
    ],
)
def test_a_constraint_is_known_by_what_it_measures(constraint, name):
    assert constraint.name == name


def test_two_constraints_of_one_name_are_refused():
    twice = (Constraint("size", min=1), Constraint("size", max=9))
    with pytest.raises(ValueError, match="constraint size is there more than once"):
        QualitySettings(constraints=twice)


def test_settings_survive_json():
    settings = QualitySettings(
        constraints=(
            Constraint("allowed_values", column="a", values=(1, "b", True), severity="warning"),
            Constraint("correlation", columns=("a", "b"), min=-1),
        ),
        sample_rows=3,
        waivers=(Waiver("size", "first", datetime.date(2030, 1, 2)),),
    )
    assert QualitySettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_every_kind_is_measured_by_a_state_or_counted_apart():
    arguments = {
        "column": "a", "columns": ("a", "b"), "expression": "a > b", "values": (1,), "regex": "a", "references": "b",
        "quantile": 0.5, "max_age_days": 1,
    }  # fmt: skip
    bounds = {"freshness": {}}
    made = [
        Constraint(kind, **{key: arguments[key] for key in keys.needs}, **bounds.get(kind, {"min": 0}))
        for kind, keys in KINDS.items()
    ]
    apart = {constraint.kind for constraint in made if measure_of(constraint) is None}
    assert apart == {"uniqueness", "foreign_key", "row_count_change"}
