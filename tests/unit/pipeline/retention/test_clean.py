import dataclasses
import os
import random
import shutil
from pathlib import Path

import pytest
from synthetic_store import SyntheticStore

from pipeline.errors import NotFound, StoreBusy
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import LineageStore
from pipeline.retention import clean as cleaning
from pipeline.retention.clean import clean, plan_cleaning

PUSHES = "pushed/reviews"


@pytest.fixture
def store(tmp_path):
    return SyntheticStore(tmp_path / "root")


def add(store, number, **options):
    return store.add_run(f"run-{number}", started_at=f"2026-11-{number + 1:02}T00:00:00+00:00", files=True, **options)


def cleaned(store, keep_last):
    return clean(store.runs, keep_last, store.root / PUSHES)


def planned(store, keep_last):
    return plan_cleaning(store.runs, keep_last, store.root / PUSHES)


def snapshot(store):
    return LineageStore(store.runs.metadata_uri).snapshot()


def kept(store, run):
    """Which of a run's outputs are live and have their bytes."""
    artifacts = snapshot(store).artifacts
    live = {key for key, number in run.artifacts.items() if artifacts[number].is_live}
    there = {key for key, number in run.artifacts.items() if Path(artifacts[number].uri).is_dir()}
    assert live == there
    return live


def run_folders(store):
    return sorted(path.name for path in (store.root / "runs").iterdir())


def test_the_last_runs_stay_whole_and_older_ones_go(store):
    runs = [add(store, number, blessed=False) for number in range(4)]
    records = [(store.runs.run_folder(f"run-{number}") / "run.json").stat().st_size for number in range(4)]
    plan = cleaned(store, keep_last=2)
    assert [len(kept(store, run)) for run in runs] == [0, 0, 10, 10]
    assert run_folders(store) == ["run-2", "run-3"]
    assert plan.freed_bytes == 2 * 10 * 1000 + records[0] + records[1], "10 artifacts of 1000 bytes a run"


def test_a_pushed_model_keeps_what_it_was_made_from_and_judged_by(store):
    pushed = add(store, 0, pushed=True)
    add(store, 1)
    newest = add(store, 2)
    cleaned(store, keep_last=1)
    assert kept(store, pushed) == {*pushed.artifacts} - {("Trainer", "model_run")}
    assert len(kept(store, newest)) == 10
    assert run_folders(store) == ["run-0", "run-2"]
    assert (store.root / PUSHES).is_dir()


def test_a_version_that_is_no_longer_served_protects_nothing(store):
    pushed = add(store, 0, pushed=True, blessed=False)
    add(store, 1, blessed=False)
    shutil.rmtree(store.root / PUSHES)
    cleaned(store, keep_last=1)
    assert kept(store, pushed) == set()


def test_a_version_moved_to_another_push_folder_protects_its_model(store, tmp_path):
    pushed = add(store, 0, pushed=True, blessed=False)
    add(store, 1, blessed=False)
    (store.root / PUSHES).rename(tmp_path / "served")
    clean(store.runs, 1, tmp_path / "served")
    assert ("Trainer", "model") in kept(store, pushed)


def test_the_latest_blessed_model_stays_as_the_next_baseline(store):
    older, blessed, _ = (add(store, 0), add(store, 1), add(store, 2, blessed=False))
    cleaned(store, keep_last=1)
    assert kept(store, older) == set()
    assert {("Trainer", "model"), ("Evaluator", "blessing")} <= kept(store, blessed)


def test_the_baseline_of_a_served_model_stays_without_what_it_was_made_from(store):
    baseline = add(store, 0)
    add(store, 1, pushed=True, baseline=baseline.artifacts["Trainer", "model"])
    add(store, 2, blessed=False)
    cleaned(store, keep_last=1)
    assert kept(store, baseline) == {("Trainer", "model"), ("Evaluator", "blessing")}


def test_the_latest_model_that_the_rules_approved_stays_for_the_next_to_be_compared_with(store):
    runs = [add(store, day, blessed=False) for day in range(3)]
    for day, (made, approved) in enumerate(zip(runs, (1, 1, 0), strict=True)):
        properties = {"approved": approved, "decided_by": "rules"}
        store.add_reader(f"Approver{day}", made.artifacts["Trainer", "model"], "approval", properties)
    cleaned(store, keep_last=1)
    assert [("Trainer", "model") in kept(store, made) for made in runs] == [False, True, True]


def test_an_approved_model_stays(store):
    approved = add(store, 0, blessed=False)
    store.add_reader(
        "Approver", approved.artifacts["Trainer", "model"], "approval", {"approved": 1, "decided_by": "people"}
    )
    add(store, 1, blessed=False)
    cleaned(store, keep_last=1)
    assert ("Trainer", "model") in kept(store, approved)
    assert ("Evaluator", "blessing") in kept(store, approved)


def test_data_of_an_old_run_stays_where_a_kept_run_took_it_from_the_cache(store):
    first = add(store, 0, blessed=False)
    examples = ("ArrowExampleGen", "examples")
    add(store, 1, blessed=False, cached={examples: first.artifacts[examples]})
    cleaned(store, keep_last=1)
    assert kept(store, first) == {examples}
    assert run_folders(store) == ["run-1"]


def test_each_pipeline_keeps_its_own_last_runs(store):
    mine = add(store, 0, blessed=False)
    other = SyntheticStore(store.root, "churn")
    theirs = other.add_run("churn-1", started_at="2026-12-01T00:00:00+00:00", files=True, blessed=False)
    cleaned(store, keep_last=1)
    assert len(kept(store, mine)) == len(kept(store, theirs)) == 10


def test_a_dry_run_changes_nothing_and_says_the_same(store):
    for number in range(3):
        add(store, number)
    before = sorted(store.root.rglob("*"))
    plan = planned(store, keep_last=1)
    assert sorted(path for path in store.root.rglob("*") if "metadata" not in path.name) == [
        path for path in before if "metadata" not in path.name
    ]
    assert all(artifact.is_live for artifact in snapshot(store).artifacts.values())
    done = cleaned(store, keep_last=1)
    assert {item.path for item in done.removals} == {item.path for item in plan.removals}


def test_a_second_gc_finds_nothing(store):
    for number in range(3):
        add(store, number)
    assert cleaned(store, keep_last=1).removals
    assert cleaned(store, keep_last=1).removals == ()


@pytest.mark.parametrize("survived", [0, 1, 5, 10])
def test_a_gc_that_was_killed_is_finished_by_the_next(store, monkeypatch, survived):
    old = add(store, 0, blessed=False)
    new = add(store, 1, blessed=False)
    calls = iter(range(1000))
    real = cleaning.remove

    def killed(path, root):
        if next(calls) == survived:
            # Dies in the middle of a removal: renamed, and only half erased.
            path.rename(path.with_name(f".penstock-gc-{path.name}"))
            raise KeyboardInterrupt
        real(path, root)

    monkeypatch.setattr(cleaning, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        cleaned(store, keep_last=1)
    monkeypatch.undo()
    artifacts = snapshot(store).artifacts
    assert not any(artifacts[number].is_live for number in old.artifacts.values()), "nothing live without its bytes"
    cleaned(store, keep_last=1)
    assert kept(store, old) == set()
    assert len(kept(store, new)) == 10
    assert not list(store.root.rglob(".penstock-gc-*"))
    assert run_folders(store) == ["run-1"]


def test_it_refuses_while_a_run_holds_the_store_and_a_dry_run_does_not(store):
    old = add(store, 0, blessed=False)
    add(store, 1, blessed=False)
    with store.runs.lock("run-1", wait=False):
        with pytest.raises(StoreBusy, match="run-1"):
            cleaned(store, keep_last=1)
        assert planned(store, keep_last=1).removals
    assert len(kept(store, old)) == 10


def test_a_run_under_way_stays_however_few_are_kept(store):
    add(store, 0, blessed=False)
    store.runs.write(dataclasses.replace(store.runs.read("run-0"), state="RUNNING"))
    with store.runs.lock("run-0", wait=False):
        plan = planned(store, keep_last=0)
    assert "run-0" not in {item.path.name for item in plan.removals}
    assert {item.why for item in plan.stays} >= {"its run is under way", "of run run-0"}


def test_what_a_killed_attempt_left_goes_and_what_a_resumed_run_needs_stays(store):
    run = add(store, 0, blessed=False, state="FAILED", failed="Trainer")
    base = store.root / "artifacts" / "reviews" / "Trainer"
    checkpoints = base / "model_run" / str(run.executions["Trainer"])
    nobodys = base / "model_run" / "1"
    temporary = base / ".system" / "executor_execution" / "999" / ".temp"
    for folder in (checkpoints, nobodys, temporary):
        folder.mkdir(parents=True)
        (folder / "ckpt").write_bytes(b"x")
    cleaned(store, keep_last=1)
    assert checkpoints.is_dir()
    assert not nobodys.exists()
    assert not temporary.parent.exists()
    newer = add(store, 1, blessed=False)
    cleaned(store, keep_last=1)
    assert not checkpoints.exists()
    assert len(kept(store, newer)) == 10


def test_old_tries_and_reproductions_go_but_not_one_under_way(store):
    add(store, 0)
    for name in ("try-1", "try-2", "try-3"):
        (store.root / "tries" / name).mkdir(parents=True)
    held = type(store.runs)(store.root / "tries" / "try-1")
    with held.lock("try-1", wait=False):
        cleaned(store, keep_last=1)
    assert sorted(path.name for path in (store.root / "tries").iterdir()) == ["try-1", "try-3"]


def test_nothing_is_removed_through_a_link(store, tmp_path):
    run = add(store, 0, blessed=False)
    add(store, 1, blessed=False)
    elsewhere = tmp_path / "elsewhere"
    trainer = store.root / "artifacts" / "reviews" / "Trainer"
    trainer.rename(elsewhere)
    trainer.symlink_to(elsewhere)
    statistics = Path(snapshot(store).artifacts[run.artifacts["StatisticsGen", "statistics"]].uri)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    shutil.rmtree(statistics)
    statistics.symlink_to(precious)
    plan = cleaned(store, keep_last=1)
    assert len(list(elsewhere.glob("*/*/data.bin"))) == 4, "two outputs of two runs"
    assert "lies outside" in plan.notes[0]
    assert "and 1 more" in plan.notes[0]
    assert snapshot(store).artifacts[run.artifacts["Trainer", "model"]].is_live
    assert not os.path.lexists(statistics)
    assert (precious / "file").read_text() == "keep me"


def test_an_artifact_outside_the_root_is_left_alone(store, tmp_path):
    run = add(store, 0, blessed=False)
    add(store, 1, blessed=False)
    outside = tmp_path / "data"
    outside.mkdir()
    (artifact,) = store.store.get_artifacts_by_id([run.artifacts["Trainer", "model"]])
    for uri in (str(outside), str(store.root / "pushed"), str(store.root), "/", "s3://bucket/x", ""):
        artifact.uri = uri
        store.store.put_artifacts([artifact])
        cleaned(store, keep_last=1)
        assert outside.is_dir()
        assert store.root.is_dir()
        assert snapshot(store).artifacts[artifact.id].is_live, uri


def test_a_root_that_was_moved_is_not_taken_for_leftovers(store, tmp_path):
    add(store, 0, pushed=True)
    add(store, 1)
    moved = tmp_path / "moved"
    shutil.copytree(store.root, moved)
    runs = type(store.runs)(moved)
    shutil.rmtree(store.root)
    clean(runs, 1, moved / PUSHES)
    assert len(list((moved / "artifacts").glob("*/*/*/*/data.bin"))) == 20


def test_damaged_records_are_named_and_left(store):
    add(store, 0)
    (store.root / "runs" / "broken").mkdir()
    (store.root / "runs" / "broken" / "run.json").write_text("{")
    plan = cleaned(store, keep_last=0)
    assert any("broken/run.json is not the record of a run" in note for note in plan.notes)
    assert (store.root / "runs" / "broken").is_dir()


def test_an_empty_root_has_nothing_to_clean(tmp_path):
    runs = SyntheticStore(tmp_path / "other").runs
    plan = clean(type(runs)(tmp_path / "root"), 5, tmp_path / "root" / "pushed")
    assert (plan.removals, plan.stays) == ((), ())


@pytest.mark.parametrize("seed", range(4))
def test_no_pushed_model_ever_loses_anything_it_came_from(store, seed):
    """Random histories; what each pushed model came from is followed here anew, event by event."""
    chance = random.Random(seed)
    runs, baseline = [], None
    for number in range(8):
        earlier = chance.choice(runs) if runs else None
        cached = {}
        if earlier and chance.random() < 0.6:
            keys = [("ArrowExampleGen", "examples"), ("ImportSchemaGen", "schema"), ("StatisticsGen", "statistics")]
            cached = {key: earlier.artifacts[key] for key in keys[: chance.randint(1, 3)]}
        run = add(
            store,
            number,
            cached=cached,
            pushed=chance.random() < 0.4,
            blessed=chance.random() < 0.5,
            baseline=baseline,
            state=chance.choice(["COMPLETE", "FAILED", "INTERRUPTED"]),
        )
        baseline = run.artifacts["Trainer", "model"] if chance.random() < 0.5 else baseline
        runs.append(run)
    graph = LineageGraph.read(LineageStore(store.runs.metadata_uri))
    precious = set()
    for run in runs:
        if graph.artifact(run.artifacts["Pusher", "pushed_model"]).properties.get("pushed"):
            precious |= {run.artifacts[key] for key in NEEDED}
    cleaned(store, keep_last=chance.randint(0, 3))
    after = snapshot(store).artifacts
    assert all(after[number].is_live and Path(after[number].uri).is_dir() for number in precious)


NEEDED = [
    ("ArrowExampleGen", "examples"),
    ("ImportSchemaGen", "schema"),
    ("StatisticsGen", "statistics"),
    ("Transform", "transform_graph"),
    ("Transform", "transformed_examples"),
    ("Trainer", "model"),
    ("Evaluator", "evaluation"),
    ("Evaluator", "blessing"),
    ("Pusher", "pushed_model"),
]


@pytest.mark.parametrize("loss", ["gone", "older"])
def test_a_lineage_store_that_does_not_know_the_newest_outputs_removes_nothing(store, loss):
    add(store, 0)
    database = Path(store.runs.metadata_uri.removeprefix("sqlite:///"))
    older = database.read_bytes()
    add(store, 1)
    files = sorted((store.root / "artifacts").rglob("*"))
    database.unlink()
    if loss == "older":
        database.write_bytes(older)
    with pytest.raises(NotFound, match="lost or restored from an older copy"):
        cleaned(store, keep_last=0)
    assert sorted((store.root / "artifacts").rglob("*")) == files


def test_what_people_answered_stays(store):
    for number in range(3):
        add(store, number)
    answers = store.root / "review" / "reviews" / "answers.jsonl"
    answers.parent.mkdir(parents=True)
    answers.write_text("{}\n")
    cleaned(store, keep_last=1)
    assert answers.read_text() == "{}\n"


@pytest.mark.parametrize(("stage", "stays"), [("candidate", True), ("production", True), ("archived", False)])
def test_what_a_registered_version_was_made_from_stays_until_it_is_archived(store, stage, stays):
    old = add(store, 0, pushed=True)
    shutil.copytree(store.root / PUSHES, store.root / "registry/reviews/stages" / stage)
    shutil.rmtree(store.root / PUSHES)
    add(store, 1, blessed=True)
    plan = cleaned(store, keep_last=1)
    needed = {("Trainer", "model"), ("Transform", "transform_graph"), ("ArrowExampleGen", "examples")}
    assert kept(store, old) & needed == (needed if stays else set())
    (version,) = (store.root / "registry/reviews/stages" / stage).iterdir()
    assert version.is_dir()
    said = {stay.why for stay in plan.stays}
    assert (f"{stage} version {version.name} needs it" in said) == stays
