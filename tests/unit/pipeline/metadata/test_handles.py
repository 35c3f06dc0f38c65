"""What is kept of a submitted run is what is found again, by pipeline and run, in the newest order."""

import dataclasses

import pytest

from pipeline.errors import NotFound
from pipeline.metadata import LineageStore, find_handle, handles, record_handle
from pipeline.run_handle import RunHandle

FIRST = RunHandle("sagemaker", "reviews", "r1", "arn:aws:sagemaker:x", "ab" * 32, "2026-11-01T08:00:00+00:00")
SECOND = dataclasses.replace(FIRST, run_id="r2", submitted_at="2026-11-02T08:00:00+00:00")
OTHER = dataclasses.replace(SECOND, pipeline_name="churn", run_id="r1", runner="step_functions")


@pytest.fixture
def lineage(tmp_path):
    return LineageStore(f"sqlite:///{tmp_path / 'metadata.sqlite'}")


def test_without_a_store_there_are_no_handles_and_none_is_made(lineage, tmp_path):
    assert handles(lineage) == []
    with pytest.raises(NotFound, match=r"no submitted run 'r1'\. None was submitted yet\."):
        find_handle(lineage, "r1")
    assert list(tmp_path.iterdir()) == []


def test_handles_of_a_pipeline_are_listed_newest_first(lineage):
    for handle in (FIRST, OTHER, SECOND):
        record_handle(lineage, handle)
    reader = LineageStore(lineage._metadata_uri)
    assert handles(reader, "reviews") == [SECOND, FIRST]
    assert set(handles(reader)) == {FIRST, SECOND, OTHER}


def test_a_run_is_found_in_the_pipeline_that_is_named_else_the_newest(lineage):
    record_handle(lineage, FIRST)
    record_handle(lineage, OTHER)
    assert find_handle(lineage, "r1", "reviews") == FIRST
    assert find_handle(lineage, "r1") == OTHER


def test_a_run_that_is_submitted_again_has_one_handle_the_last(lineage):
    record_handle(lineage, FIRST)
    again = dataclasses.replace(FIRST, execution_arn="arn:second", submitted_at="2026-11-03T08:00:00+00:00")
    record_handle(lineage, again)
    assert handles(lineage) == [again]


def test_a_run_that_nobody_submitted_is_told_with_the_latest(lineage):
    record_handle(lineage, FIRST)
    with pytest.raises(NotFound, match=r"no submitted run 'r9' of pipeline 'reviews'\. Latest runs: r1\."):
        find_handle(lineage, "r9", "reviews")
