import pytest

from pipeline.cli.options import command_line, echo_pairs, echo_table, find_run, near
from pipeline.config import load_config
from pipeline.errors import NotFound
from pipeline.run_store import RunRecord, RunStore


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "churn.yaml"
    path.write_text("pipeline: {name: churn}\ndata: {path: x.csv}\nlabel: {column: y}\n")
    return load_config(path)


@pytest.fixture
def store(tmp_path):
    made = RunStore(tmp_path)
    for name, run_id, day in (("churn", "c1", 1), ("churn", "c2", 2), ("reviews", "r1", 3)):
        made.write(RunRecord(run_id, name, "COMPLETE", f"2026-01-0{day}T00:00:00+00:00", None, 1, "digest", ()))
    return made


def test_the_latest_run_is_the_latest_of_this_pipeline(store, settings):
    assert find_run(store, "latest", settings).run_id == "c2"


def test_a_run_of_another_pipeline_is_not_mistaken_for_ours(store, settings):
    with pytest.raises(NotFound, match="of pipeline 'reviews'"):
        find_run(store, "r1", settings)


def test_a_run_is_found_by_its_id(store, settings):
    assert find_run(store, "c1", settings).run_id == "c1"


def test_a_table_is_aligned_and_never_cut(capsys):
    echo_table([("node", "where"), ("Trainer", "/a" * 200), ("x", "")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["node     where", "Trainer  " + "/a" * 200, "x"]


def test_what_people_write_neither_breaks_a_table_nor_steers_the_terminal(capsys):
    echo_table([("who", "why"), ("ann\x1b[2J", "good\n\x1b[31mred\u202e"), ("bob", "two  spaces")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["who      why", "ann␛[2J  good ␛[31mred<U+202E>", "bob      two  spaces"]


def test_what_people_write_stays_on_the_line_of_its_name(capsys):
    echo_pairs([("approved", "yes: by ann: good\nmodel      pushed\x1b[1A")])
    assert capsys.readouterr().out == "approved   yes: by ann: good model      pushed␛[1A\n"


def test_paths_below_here_are_shown_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / "a" / "b") == "a/b"
    assert near("/elsewhere/b") == "/elsewhere/b"


def test_commands_can_be_pasted(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/pipeline/cli/__main__.py"])
    assert (
        command_line("run", "--set", "data.path=my file.csv")
        == "python -m pipeline.cli run --set 'data.path=my file.csv'"
    )
