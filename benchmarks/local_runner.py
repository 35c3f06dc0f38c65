"""Prints how our local runner compares with TFX's LocalDagRunner on the same definition: time, processor and memory.

    python benchmarks/local_runner.py [--rows 20000] [--epochs 5]

Four situations, one after the other, each in a process tree of its own: cold (nothing there), warm (nothing changed),
changed (another learning rate, so Trainer and what follows), failure (every process killed in the Trainer's third
epoch; measured is what it takes to get to the end from there). Usage is sampled over the process tree; memory is the
proportional set size, so that pages shared by forks count once.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
PAUSE_S = 0.2
KILL_AFTER_EPOCHS = 2
SITUATIONS = ("cold", "warm", "changed", "failure")

CONFIG = """
pipeline: {{name: reviews, root: {root}}}
data: {{path: {data}, split_by: customer_id, splits: {{train: 8, eval: 1, test: 1}}}}
schema: {{path: {schema}}}
label: {{column: star_rating}}
training: {{epochs: {epochs}, batch_size: 256, early_stopping_patience: 0}}
evaluation: {{thresholds: [{{metric: accuracy, lower: 0.6}}]}}
"""
CHANGE = "training.learning_rate=0.0015"


def main() -> None:
    """Measures both runners in all situations and prints the tables; stops if one does not push a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--stock", nargs="*", metavar="CONFIG [KEY=VALUE …]", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stock is not None:
        run_stock(arguments.stock[0], arguments.stock[1:])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "reviews.tsv"
        penstock("sample-data", "--output", str(data), f"--rows={arguments.rows}")
        figures = {kind: measure_all(kind, folder, data, arguments.epochs) for kind in ("ours", "stock")}
    print(f"{arguments.rows:,} rows, {arguments.epochs} epochs, {psutil.cpu_count()} processors")
    for situation in SITUATIONS:
        print_table(situation, figures["ours"][situation], figures["stock"][situation])


def measure_all(kind: str, folder: Path, data: Path, epochs: int) -> dict[str, dict[str, float]]:
    """The figures of one runner in every situation."""
    root = folder / kind
    config = folder / f"{kind}.yaml"
    schema = REPOSITORY / "schemas" / "reviews" / "schema.pbtxt"
    config.write_text(CONFIG.format(root=root, data=data, schema=schema, epochs=epochs))
    found = {}
    for situation in ("cold", "warm", "changed"):
        changes = [CHANGE] if situation == "changed" else []
        found[situation] = measure(command(kind, config, changes))
    shutil.rmtree(root)
    measure(command(kind, config), until=lambda: epochs_done(root) >= KILL_AFTER_EPOCHS)
    found["failure"] = measure(command(kind, config, resume=True))
    if not list(root.glob("pushed/reviews/*/saved_model.pb")):
        sys.exit(f"{kind}: no model was pushed, so the figures mean nothing.")
    return found


def command(kind: str, config: Path, changes: list[str] | None = None, *, resume: bool = False) -> list[str]:
    """The command that runs the pipeline; a failed run of the stock runner can only be started again."""
    if kind == "stock":
        return [sys.executable, __file__, "--stock", str(config), *(changes or [])]
    more = [f"--set={change}" for change in changes or []] + (["--resume"] if resume else [])
    return [sys.executable, "-m", "pipeline.cli", "run", "--config", str(config), *more]


def run_stock(config_path: str, changes: list[str]) -> None:
    """Runs the very same definition with TFX's LocalDagRunner, in this process."""
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from pipeline.config import load_config
    from pipeline.definition import create_pipeline
    from pipeline.planning import make_plan
    from pipeline.staging import stage_inputs

    config = load_config(Path(config_path), changes)
    plan = make_plan(config)
    stage_inputs(config, plan)
    dsl_pipeline = create_pipeline(config, plan)
    store = config.root / "metadata.sqlite"
    dsl_pipeline.metadata_connection_config = metadata.sqlite_metadata_connection_config(str(store))
    del sys.argv[1:]
    LocalDagRunner().run(dsl_pipeline)


def measure(arguments: list[str], until: Callable[[], bool] | None = None) -> dict[str, float]:
    """Seconds, processor seconds and peak memory of a command; kills all of it as soon as `until` holds."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"}
    begin, cpu_s, peak = time.perf_counter(), {}, 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            arguments, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        while process.poll() is None:
            peak = max(peak, sample(process.pid, cpu_s))
            if until is not None and until():
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(PAUSE_S)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if until is None and process.returncode != 0:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}:\n{said[-3000:]}")
    return {"wall_s": time.perf_counter() - begin, "cpu_s": sum(cpu_s.values()), "peak_mb": peak / 1e6}


def sample(pid: int, cpu_s: dict[int, float]) -> int:
    """Notes the processor seconds of every process of the tree by pid; returns their memory now, in bytes."""
    memory = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            times = process.cpu_times()
            cpu_s[process.pid] = times.user + times.system
            memory += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return memory


def epochs_done(root: Path) -> int:
    """Epochs that the Trainer has written into its history."""
    for path in root.glob("artifacts/*/Trainer/model_run/*/history.json"):
        return len(json.loads(path.read_text())["epochs"])
    return 0


def penstock(*arguments: str) -> None:
    """Runs a verb of the command line."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments], check=True, env=environment, stdout=subprocess.DEVNULL
    )


def print_table(situation: str, ours: dict[str, float], stock: dict[str, float]) -> None:
    """The figures of one situation side by side."""
    print(f"\n{situation:24}{'penstock run':>16}{'LocalDagRunner':>16}{'ratio':>8}")
    for key, label in {"wall_s": "wall, s", "cpu_s": "processor, s", "peak_mb": "peak memory, MB"}.items():
        print(f"{label:24}{ours[key]:16.1f}{stock[key]:16.1f}{stock[key] / ours[key]:8.1f}")


if __name__ == "__main__":
    main()
