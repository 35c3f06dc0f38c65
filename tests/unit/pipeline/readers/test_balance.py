"""What TrainingBalancer did, as it is read and as it is shown."""

import json

import pytest
from run_folders import RunFolder

from components.training_balancer.settings import BalancingSettings
from components.training_balancer.targets import balance_of
from pipeline.errors import NotFound
from pipeline.readers.balance import read_balance
from pipeline.readers.run_view import RunView
from pipeline.report.balance_parts import balance_view
from pipeline.report.run_page import page_sections

BALANCE = balance_of({"<no>": 900, "yes": 50}, 3, "churned", BalancingSettings("upsample", max_factor=4.0))


def test_a_balance_is_read_as_it_was_written(tmp_path):
    (tmp_path / "balance.json").write_text(json.dumps(BALANCE.to_json()))
    assert read_balance(tmp_path) == BALANCE


@pytest.mark.parametrize("text", ["{}", "[]", '{"format": 2}', '{"format": 1, "settings": 3}', "{"])
def test_another_document_is_no_balance(tmp_path, text):
    (tmp_path / "balance.json").write_text(text)
    with pytest.raises(NotFound, match=r"balance\.json"):
        read_balance(tmp_path)


def test_every_class_is_shown_before_and_after_with_what_fell_short():
    page = balance_view(BALANCE)
    assert "953 rows became 1,103. 3 rows without a class stay as they are." in page
    assert "&lt;no&gt;" in page
    assert "reaches 0.222 of the most frequent class instead of 1" in page
    assert [text in page for text in (">50<", ">200<", "5.26 %", "18.2 %")] == [True] * 4


def section(run):
    sections = page_sections(RunView(run.store, run.record))
    return next(found for found in sections if found.section_id == "balance")


def test_a_run_shows_what_was_done_to_its_training_rows(tmp_path):
    run = RunFolder(tmp_path, node_ids=("TrainingBalancer",))
    folder = run.add_artifact("TrainingBalancer", "balance", "PenstockBalanceReport")
    (folder / "balance.json").write_text(json.dumps(BALANCE.to_json()))
    assert "Rows of rare values were repeated" in section(run).body


def test_a_run_without_balancing_says_so(tmp_path):
    found = section(RunFolder(tmp_path, node_ids=("Trainer",)))
    assert found.body is None
    assert "balancing.method is none" in found.absence
