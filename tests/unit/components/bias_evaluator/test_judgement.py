import datetime
import json
import math

import numpy as np
import pyarrow as pa
import pytest

from components.bias_evaluator import tally as tally_module
from components.bias_evaluator.assess import Subject, assess
from components.bias_evaluator.document import BiasDocument
from components.bias_evaluator.settings import BiasChangeThreshold, BiasSettings, BiasThreshold, Facet
from components.bias_evaluator.support import support_of
from components.bias_evaluator.tally import tally_of
from components.gate.waiver import Waiver

SUBJECT = Subject("y", "1", {"pre_training": "train", "post_training": "test"})
TODAY = datetime.date(2026, 1, 1)

#: Facet a: 200 of 400 labels positive, answered rightly but for 10 misses and 10 false alarms.
FAIR_A = [[190, 10], [10, 190]]
#: Facet d as good: 100 of 200 positive, 5 misses and 5 false alarms.
FAIR_D = [[95, 5], [5, 95]]
#: Facet d whose positive rows the model misses: half of 100.
MISSED_D = [[95, 5], [50, 50]]

EQUAL = (BiasThreshold("RD", -0.1, 0.1), BiasThreshold("DI", 0.8, 1.25))


def settings_of(**changed):
    return BiasSettings(**{"facets": (Facet("sex", ("f",)),), "thresholds": EQUAL, "change_thresholds": (), **changed})


def tallies(by_value, settings, column="sex"):
    """Training and evaluated rows from [label][prediction] counts by the column's value."""
    rows = [
        (value, bool(label), bool(answer))
        for value, counts in by_value.items()
        for (label, answer), count in np.ndenumerate(np.array(counts))
        for _ in range(count)
    ]
    columns = {column: pa.array([row[0] for row in rows], pa.string())}
    labels, answers = (pa.array([row[index] for row in rows], pa.bool_()) for index in (1, 2))
    return {
        "pre_training": tally_of(columns, labels, None, settings),
        "post_training": tally_of(columns, labels, answers, settings),
    }


def judged(by_value, settings=None, known=None):
    settings = settings or settings_of()
    return assess(tallies(by_value, settings), settings, SUBJECT, known, TODAY)


def finding_of(verdict, check):
    (found,) = [item for item in verdict.findings if item.check == check]
    return found


def test_a_model_that_treats_both_alike_passes():
    document, verdict = judged({"m": FAIR_A, "f": FAIR_D})
    assert verdict.passed
    assert [finding.check for finding in verdict.findings] == ["RD(sex=f)", "DI(sex=f)"]
    assert document.facets[0].metrics["RD"].status == "passed"
    assert document.facets[0].metrics["AD"].status == ""


def test_a_model_that_misses_a_facets_positive_rows_is_refused_with_the_facet_named():
    document, verdict = judged({"m": FAIR_A, "f": MISSED_D})
    assert not verdict.passed
    found = finding_of(verdict, "RD(sex=f)")
    assert found.measured == pytest.approx(190 / 200 - 50 / 100)
    assert found.refuses
    assert "sex=f is 0.45" in found.sentence
    assert "on 200 evaluated rows against 400 others" in found.sentence
    assert "bias.thresholds" in found.advice
    # 55 of 200 against 200 of 400 positive answers: below four fifths.
    assert finding_of(verdict, "DI(sex=f)").measured == pytest.approx(55 / 200 / 0.5)
    assert document.facets[0].metrics["RD"].status == "failed"
    assert "a waiver" in verdict.refusal()


def test_what_may_be_chance_does_not_refuse():
    # 30 of 60 against 36 of 60 positive answers: DI 0.83, and 27 of 60: 0.75, whose interval holds 0.8.
    _, verdict = judged({"m": [[24, 0], [0, 36]], "f": [[33, 0], [0, 27]]})
    found = finding_of(verdict, "DI(sex=f)")
    assert found.measured == pytest.approx(0.75)
    assert found.passed
    assert "may be chance" in found.sentence


def test_a_metric_that_rests_on_few_rows_is_not_decided_and_without_any_the_gate_refuses():
    document, verdict = judged({"m": FAIR_A, "f": [[10, 0], [39, 0]]})
    assert {finding.passed for finding in verdict.findings} == {None}
    assert "rests on 39 rows" in finding_of(verdict, "RD(sex=f)").sentence
    assert "rests on 49 rows" in finding_of(verdict, "DI(sex=f)").sentence
    assert document.facets[0].metrics["RD"].status == "not decided"
    assert not verdict.passed
    assert verdict.missing[0].startswith("No bias could be measured")


def test_recall_rests_on_the_positive_rows_precision_on_the_positive_answers():
    counts = np.array([[FAIR_A, [[190, 10], [7, 3]]]], float)
    assert support_of("RD", counts) == 10
    assert support_of("DAR", counts) == 13
    assert support_of("SD", counts) == support_of("TE", counts) == 200
    assert support_of("DRR", counts) == 197
    assert support_of("DI", counts) == 210
    assert support_of("DPL", counts.sum(axis=-1)) == 210


def test_a_model_that_gives_one_side_nothing_is_refused_though_the_ratio_has_no_number():
    document, verdict = judged({"m": [[100, 0], [100, 0]], "f": [[90, 10], [20, 80]]})
    found = finding_of(verdict, "DI(sex=f)")
    assert found.refuses
    assert found.measured is None
    assert "is infinite" in found.sentence
    estimate = document.facets[0].metrics["DI"]
    assert (estimate.value, estimate.why) == (
        None,
        "Infinite on the evaluated rows: facet a was given no positive answer.",
    )


def test_where_nobody_gets_a_positive_answer_the_ratio_is_not_decided():
    document, verdict = judged({"m": [[100, 0], [100, 0]], "f": [[100, 0], [100, 0]]})
    assert finding_of(verdict, "DI(sex=f)").passed is None
    assert finding_of(verdict, "RD(sex=f)").passed
    assert document.facets[0].metrics["DI"].why.startswith("Not defined")


def test_a_waiver_lets_a_finding_pass_and_the_report_still_says_that_it_failed():
    waivers = (Waiver("*(sex=f)", "the label is being cleaned", TODAY),)
    document, verdict = judged({"m": FAIR_A, "f": MISSED_D}, settings_of(waivers=waivers))
    assert verdict.passed
    assert {finding.check for finding in verdict.waived} == {"RD(sex=f)", "DI(sex=f)"}
    assert document.facets[0].metrics["RD"].status == "failed"


def test_labels_are_told_of_and_do_not_refuse_unless_asked_to():
    rows = {"m": FAIR_A, "f": [[180, 0], [0, 20]]}
    _, verdict = judged(rows, settings_of(thresholds=(BiasThreshold("DPL", -0.2, 0.2),)))
    assert verdict.passed
    assert [finding.check for finding in verdict.warnings] == ["DPL(sex=f)"]
    _, strict = judged(rows, settings_of(thresholds=(BiasThreshold("DPL", -0.2, 0.2, severity="error"),)))
    assert not strict.passed


def test_a_change_since_the_last_approved_model_is_refused_where_it_is_large_and_certain():
    settings = settings_of(thresholds=(), change_thresholds=(BiasChangeThreshold("RD", 0.1),))
    before, _ = judged({"m": FAIR_A, "f": FAIR_D}, settings)
    document, verdict = judged({"m": FAIR_A, "f": MISSED_D}, settings, (before, "store/bias/3"))
    found = finding_of(verdict, "change of RD(sex=f)")
    assert found.refuses
    assert found.measured == pytest.approx(0.45)
    assert "from 0 for the last approved model to 0.45" in found.sentence
    estimate = document.facets[0].metrics["RD"]
    assert estimate.before == 0
    assert estimate.change_low < 0.45 < estimate.change_high
    assert document.compared_with == "store/bias/3"
    _, same = judged({"m": FAIR_A, "f": MISSED_D}, settings, (document, "store/bias/4"))
    assert same.passed
    assert finding_of(same, "change of RD(sex=f)").measured == 0


def test_a_report_that_was_measured_otherwise_is_not_compared_and_that_is_said():
    settings = settings_of(change_thresholds=(BiasChangeThreshold("RD", 0.1),))
    before, _ = judged({"m": FAIR_A, "f": FAIR_D}, settings)
    other = BiasDocument.from_json({**before.to_json(), "positive": "2"})
    document, verdict = judged({"m": FAIR_A, "f": FAIR_D}, settings, (other, "x"))
    assert [finding.check for finding in verdict.findings] == ["RD(sex=f)", "DI(sex=f)"]
    assert "Nothing was compared" in verdict.remarks[0]
    assert document.compared_with is None


def test_without_values_each_value_with_enough_rows_is_a_facet_and_what_is_left_out_is_said():
    settings = settings_of(facets=(Facet("sex"),), max_values=2)
    rows = {"m": FAIR_A, "f": MISSED_D, "x": [[30, 0], [0, 30]], "rare": [[3, 0], [0, 3]]}
    document, verdict = judged(rows, settings)
    assert [facet.name for facet in document.facets] == ["sex=m", "sex=f"]
    assert "1 with fewer than 50 rows and 1 beyond the 2 with most rows" in verdict.remarks[0]
    assert document.facets[1].rows["post_training"] == {"a": 466, "d": 200}


def test_a_value_that_no_row_has_fails_rather_than_passes_unseen():
    _, verdict = judged({"m": FAIR_A, "F": FAIR_D})
    found = finding_of(verdict, "rows(sex=f)")
    assert found.refuses
    assert "No row is in facet d of sex=f" in found.sentence


def test_a_column_that_no_row_has_fails():
    settings = settings_of()
    found = tallies({"m": FAIR_A, "f": FAIR_D}, settings, column="gender")
    _, verdict = assess(found, settings, SUBJECT, None, TODAY)
    assert finding_of(verdict, "column(sex)").refuses


def test_a_column_with_a_value_a_row_fails_and_holds_no_memory(monkeypatch):
    monkeypatch.setattr(tally_module, "MAX_KEYS", 10)
    settings = settings_of(facets=(Facet("sex"),))
    document, verdict = judged({f"{index}": [[1, 0], [0, 1]] for index in range(20)}, settings)
    assert finding_of(verdict, "values(sex)").refuses
    assert document.facets == ()
    assert tallies({f"{index}": [[1, 0], [0, 1]] for index in range(20)}, settings)["post_training"].by_facet == ({},)


def test_the_report_comes_back_from_its_document_and_holds_no_number_that_json_has_not():
    document, _ = judged({"m": [[100, 0], [100, 0]], "f": [[90, 10], [20, 80]]})
    text = json.dumps(document.to_json(), allow_nan=False)
    assert json.loads(json.dumps(BiasDocument.from_json(json.loads(text)).to_json())) == json.loads(text)
    counted = BiasDocument.from_json(json.loads(text)).facets[0].counts["post_training"]
    assert counted.counts == [[[[100, 0], [100, 0]], [[90, 10], [20, 80]]]]


def test_a_document_of_another_format_is_refused():
    with pytest.raises(ValueError, match="format 99"):
        BiasDocument.from_json({"format": 99})


def test_within_groups_disparity_is_measured_where_a_group_is_named():
    settings = settings_of(facets=(Facet("sex", ("f",)),), group="job", thresholds=(BiasThreshold("CDDPL", -0.1, 0.1),))
    # Each job treats both alike; men have the job whose applicants are mostly accepted.
    jobs = {"easy": {"m": 90, "f": 10}, "hard": {"m": 10, "f": 90}}
    rows = [
        (sex, job, index < share * count)
        for job, share in (("easy", 0.8), ("hard", 0.2))
        for sex, count in jobs[job].items()
        for index in range(count)
    ]
    columns = {name: pa.array([row[place] for row in rows]) for place, name in enumerate(("sex", "job"))}
    answers = pa.array([row[2] for row in rows])
    both = {
        stage: tally_of(columns, answers, answers if stage != "pre_training" else None, settings)
        for stage in SUBJECT.splits
    }
    document, verdict = assess(both, settings, SUBJECT, None, TODAY)
    metrics = document.facets[0].metrics
    assert metrics["DPPL"].value == pytest.approx((72 + 2) / 100 - (8 + 18) / 100)
    assert metrics["CDDPL"].value == pytest.approx(0, abs=1e-12)
    assert math.isclose(metrics["CDDL"].value, metrics["CDDPL"].value)
    assert verdict.passed
    assert document.facets[0].counts["pre_training"].groups == ("easy", "hard")
