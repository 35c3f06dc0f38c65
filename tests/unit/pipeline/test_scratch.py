"""Trying things out happens on a copy of the lineage store, below the real root."""

import sqlite3
from contextlib import closing

import pytest

from pipeline.config import load_config
from pipeline.errors import NotFound
from pipeline.scratch import scratch_copy

CONFIG = """
pipeline: {name: churn}
data: {path: customers.csv}
label: {column: churned}
push: {directory: served}
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "penstock.yaml").write_text(CONFIG)
    return load_config(tmp_path / "penstock.yaml")


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("select word from words").fetchall()


def test_the_copy_holds_what_the_store_holds_and_changes_in_it_stay_there(config):
    config.root.mkdir()
    with closing(sqlite3.connect(config.root / "metadata.sqlite")) as database:
        database.execute("create table words (word text)")
        database.execute("insert into words values ('kept')")
        database.commit()
    scratch = scratch_copy(config, "r1")
    assert scratch.root.parent == config.root / "tries"
    with closing(sqlite3.connect(scratch.root / "metadata.sqlite")) as copy:
        copy.execute("insert into words values ('tried')")
        copy.commit()
    assert rows(scratch.root / "metadata.sqlite") == [("kept",), ("tried",)]
    assert rows(config.root / "metadata.sqlite") == [("kept",)]


def test_what_is_tried_is_pushed_below_the_copy_only(config):
    config.root.mkdir()
    sqlite3.connect(config.root / "metadata.sqlite").close()
    scratch = scratch_copy(config, "r1")
    assert config.push_directory.endswith("/served")
    assert scratch.push_directory == str(scratch.root / "pushed" / "churn")


def test_without_a_store_there_is_nothing_to_try(config):
    with pytest.raises(NotFound, match="no lineage store"):
        scratch_copy(config, "r1")
