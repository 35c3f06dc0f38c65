"""Prints what the gates on data cost on a million rows: seconds, CPU seconds, and memory against the data's size.

    python benchmarks/gates_million_rows.py [--rows 1000000] [--gate NAME]

Rows of the sample data are written as ArrowExampleGen writes them; each gate then runs in a fresh process, through its
executor, on Beam as the sample pipeline is configured. `memory before` is what the process holds with everything
imported, `peak` the most that it held at all; the difference is what the rows cost. Add a gate to `GATES`.

Measured on 2026-11-26 with 1,000,000 rows of 15 columns, 512 MB as columns in memory, on two cores that others used too
(so CPU seconds are the figure to go by):

    gate                   CPU     more memory   of the data
    DataQualityGate        34 s    77 MB         15 %         54 MB with 20,000 rows, 67 MB with 100,000
    DistributionValidator  52 s    25 MB         5 %
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

REPOSITORY = Path(__file__).resolve().parent.parent
SPLITS = {"train": 8, "eval": 1, "test": 1}


def main() -> None:
    """Writes the rows once, then measures each gate on them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--gate", choices=GATES)
    parser.add_argument("--examples", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.examples:
        print(json.dumps(run_here(arguments.gate, Path(arguments.examples))))
        return
    with tempfile.TemporaryDirectory() as folder:
        size_bytes = write_examples(Path(folder), arguments.rows)
        print(f"{arguments.rows:,} rows, {size_bytes / 1e6:,.0f} MB as columns in memory")
        for gate in [arguments.gate] if arguments.gate else GATES:
            print_figures(gate, arguments.rows, run_apart(gate, folder), size_bytes)


def write_examples(folder: Path, rows: int) -> int:
    """Writes the splits of an Examples artifact; returns the size of the rows as Arrow columns."""
    from components.arrow_example_gen.columns import canonical, convert, dtype_of
    from components.arrow_example_gen.encode import encode_examples
    from components.arrow_example_gen.ingest import SplitPlan
    from components.arrow_example_gen.options import ReadOptions
    from components.arrow_example_gen.writers import SplitWriter
    from models.tabular_text.features import DType
    from pipeline.sample_data.options import ReviewsOptions
    from pipeline.sample_data.reviews import generate_reviews

    plan, size_bytes = SplitPlan(SPLITS, "customer_id"), 0
    writers = [SplitWriter(str(folder / f"Split-{name}")).__enter__() for name in SPLITS]
    for batch in generate_reviews(ReviewsOptions(rows=rows)):
        size_bytes += batch.nbytes
        columns = {}
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            values = canonical(values, name)
            columns[name] = convert(values, dtype_of(values.type) or DType.STRING, ReadOptions()).values
        assignment = plan.assign(columns)
        for index, writer in enumerate(writers):
            chosen = pa.array(assignment == index)
            writer.write(encode_examples({name: values.filter(chosen) for name, values in columns.items()}))
    for writer in writers:
        writer.__exit__(None, None, None)
    return size_bytes


def run_apart(gate: str, examples: str) -> dict[str, float]:
    """The figures of one gate, in a process of its own."""
    command = [sys.executable, __file__, "--gate", gate, "--examples", examples]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def run_here(gate: str, examples: Path) -> dict[str, float]:
    """Runs the executor of one gate in this process."""
    with tempfile.TemporaryDirectory() as folder:
        run = GATES[gate](examples_artifact(examples), Path(folder))
        before = peak_bytes()
        begin, begin_cpu = time.perf_counter(), time.process_time()
        run()
        return {
            "wall_s": time.perf_counter() - begin,
            "cpu_s": time.process_time() - begin_cpu,
            "before_bytes": before,
            "peak_bytes": peak_bytes(),
        }


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def examples_artifact(folder: Path) -> Any:
    """The rows as an artifact."""
    from tfx.types.standard_artifacts import Examples

    made = Examples()
    made.uri, made.split_names = str(folder), json.dumps(list(SPLITS))
    return made


def context_arguments(folder: Path) -> dict[str, Any]:
    """What an executor is told of where it runs."""
    from pipeline.beam_options import beam_options
    from pipeline.beam_settings import BeamSettings

    return {
        "beam_pipeline_args": beam_options(BeamSettings(), "DataQualityGate"),
        "tmp_dir": str(folder / "tmp"),
        "unique_id": "1",
    }


def outputs_of(spec: Any, folder: Path) -> dict[str, list[Any]]:
    """Empty artifacts for every output of a component's spec."""
    made = {}
    for key, parameter in spec.OUTPUTS.items():
        artifact = parameter.type()
        artifact.uri = str(folder / key)
        made[key] = [artifact]
    return made


def data_quality_gate(examples: Any, folder: Path) -> Callable[[], None]:
    """DataQualityGate with the constraints of the sample pipeline, and keys of two more columns."""
    from components.data_quality_gate.component import DataQualityGateSpec
    from components.data_quality_gate.executor import Executor
    from components.data_quality_gate.settings import Constraint, QualitySettings
    from pipeline.config import load_config

    more = (
        Constraint("uniqueness", columns=("customer_id", "product_id"), min=0),
        Constraint("foreign_key", column="product_id", references="product_id"),
    )
    constraints = (*load_config(REPOSITORY / "penstock.yaml").quality.constraints, *more)
    properties = {"settings": json.dumps(QualitySettings(constraints=constraints).to_json())}
    executor = Executor(Executor.Context(**context_arguments(folder)))
    outputs = outputs_of(DataQualityGateSpec, folder)
    return lambda: executor.Do({"examples": [examples]}, outputs, properties)


def distribution_validator(examples: Any, folder: Path) -> Callable[[], None]:
    """DistributionValidator on the columns of the sample pipeline's model, against another 50,000 rows."""
    from components.distribution_validator.artifact import DistributionSummary
    from components.distribution_validator.columns import compared_columns
    from components.distribution_validator.component import DistributionValidatorSpec
    from components.distribution_validator.executor import SUMMARY_FILE, Executor
    from components.distribution_validator.settings import DistributionSettings
    from components.distribution_validator.summary import TableSummary
    from pipeline.config import load_config
    from pipeline.planning import make_plan
    from pipeline.sample_data.options import ReviewsOptions
    from pipeline.sample_data.reviews import generate_reviews

    features = make_plan(load_config(REPOSITORY / "penstock.yaml")).features
    before = TableSummary.empty(compared_columns(features))
    for batch in generate_reviews(ReviewsOptions(rows=50_000, seed=7)):
        before.add(batch)
    previous = DistributionSummary()
    previous.uri, previous.span, examples.span = str(folder / "previous"), 1, 2
    Path(previous.uri).mkdir()
    (Path(previous.uri) / SUMMARY_FILE).write_text(json.dumps(before.to_json()))
    properties = {
        "settings": json.dumps(DistributionSettings().to_json()),
        "features": json.dumps(features.to_json()),
        "serving_path": None,
    }
    executor = Executor(Executor.Context(**context_arguments(folder)))
    outputs = outputs_of(DistributionValidatorSpec, folder)
    return lambda: executor.Do({"examples": [examples], "previous": [previous]}, outputs, properties)


GATES: dict[str, Callable[[Any, Path], Callable[[], None]]] = {
    "DataQualityGate": data_quality_gate,
    "DistributionValidator": distribution_validator,
}
"""Gate → what makes it ready and returns what runs it, given the examples and a folder for what it writes."""


def print_figures(gate: str, rows: int, figures: dict[str, float], size_bytes: int) -> None:
    """One line a gate."""
    grown = figures["peak_bytes"] - figures["before_bytes"]
    print(
        f"{gate}: {rows:,} rows in {figures['wall_s']:.1f} s, {figures['cpu_s']:.1f} CPU s; memory before "
        f"{figures['before_bytes'] / 1e6:,.0f} MB, peak {figures['peak_bytes'] / 1e6:,.0f} MB: {grown / 1e6:,.0f} MB "
        f"more, {grown / size_bytes:.2f} of the data's size"
    )


if __name__ == "__main__":
    main()
