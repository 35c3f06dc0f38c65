"""Prints how ArrowExampleGen compares with TFX's CsvExampleGen: time, memory and the rows that come out.

    python benchmarks/example_gen.py [--rows 150000]

Each runs in a fresh process on the same generated CSV (19 mixed columns), through its executor. The decoded examples
are compared as multisets; missing values count as missing however they are written.
"""

import argparse
import collections
import csv
import glob
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

WORDS = ("red", "green", "blue, dark", 'the "best"', "größer", "two\nlines", "plain")
WANTED_RATIO = 10  # of the executors' times, without imports
REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main() -> None:
    """Runs both and prints the table; exits with 1 and a sentence if the rows differ, whatever the times are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=150_000)
    parser.add_argument("--only", choices=("arrow", "stock"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(run_one(arguments.only, arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        size = write_table(os.path.join(folder, "data", "table.csv"), arguments.rows)
        print(f"{arguments.rows:,} rows, 19 columns, {size / 1e6:.1f} MB of CSV")
        figures = {kind: measure(kind, folder) for kind in ("arrow", "stock")}
        same = decoded(os.path.join(folder, "arrow")) == decoded(os.path.join(folder, "stock"))
    print_table(figures)
    print(f"The executor is at least {WANTED_RATIO} times as fast: {'yes' if is_fast_enough(figures) else 'no'}")
    if not same:
        sys.exit("The decoded examples differ as multisets: one of the two reads this table wrongly.")
    print("The decoded examples are equal as multisets.")


def is_fast_enough(figures: dict[str, dict[str, float]]) -> bool:
    """True if ArrowExampleGen's executor takes a tenth of the other's time or less."""
    return figures["stock"]["work_s"] >= WANTED_RATIO * figures["arrow"]["work_s"]


def write_table(path: str, rows: int) -> int:
    """A CSV of 19 columns: integers, floats with gaps, categories, quoted text; returns its size in bytes."""
    rng = random.Random(7)
    os.makedirs(os.path.dirname(path))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [f"int{i}" for i in range(6)] + [f"float{i}" for i in range(6)] + [f"text{i}" for i in range(7)]
        )
        for _ in range(rows):
            integers = [rng.randrange(10 ** (i + 1)) for i in range(6)]
            floats = ["" if rng.random() < 0.05 else f"{rng.random() * 1000:.3f}" for _ in range(6)]
            texts = [f"{rng.choice(WORDS)} {rng.randrange(50)}" for _ in range(7)]
            writer.writerow(integers + floats + texts)
    return os.path.getsize(path)


def measure(kind: str, folder: str) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of one executor in a process of its own."""
    command = [sys.executable, __file__, "--only", kind, "--folder", folder]
    environment = {**os.environ, "PYTHONPATH": REPOSITORY, "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def run_one(kind: str, folder: str) -> dict[str, float]:
    """Runs one executor in this process; times with and without the imports."""
    begin = time.perf_counter()
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import proto_utils

    executor, custom_config = make_executor(kind)
    split = example_gen_pb2.SplitConfig.Split
    output_config = example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[split(name="train", hash_buckets=8), split(name="eval", hash_buckets=2)]
        )
    )
    input_split = example_gen_pb2.Input.Split(name="all", pattern="table.csv")
    examples = standard_artifacts.Examples()
    examples.uri = os.path.join(folder, kind)
    exec_properties: dict[str, Any] = {
        "input_base": os.path.join(folder, "data"),
        "input_config": proto_utils.proto_to_json(example_gen_pb2.Input(splits=[input_split])),
        "output_config": proto_utils.proto_to_json(output_config),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
        "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
        "custom_config": custom_config,
    }
    imported, imported_cpu = time.perf_counter(), time.process_time()
    executor.Do({}, {"examples": [examples]}, exec_properties)
    assert artifact_utils.decode_split_names(examples.split_names) == ["train", "eval"]
    return {
        "work_s": time.perf_counter() - imported,
        "work_cpu_s": time.process_time() - imported_cpu,
        "total_s": time.perf_counter() - begin,
        "total_cpu_s": time.process_time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def make_executor(kind: str) -> tuple[Any, str | None]:
    """The executor and its `custom_config`."""
    from tfx.dsl.components.base import base_beam_executor

    # DirectRunner alone means Prism, which downloads a Go binary.
    beam_pipeline_args = ["--runner=DirectRunner", "--direct_running_mode=in_memory"]
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=beam_pipeline_args)
    if kind == "stock":
        from tfx.components.example_gen.csv_example_gen import executor as stock

        return stock.Executor(context), None
    from tfx.utils import proto_utils

    from components.arrow_example_gen import executor as arrow
    from components.arrow_example_gen.custom_config import pack_options
    from components.arrow_example_gen.options import ReadOptions

    return arrow.Executor(context), proto_utils.proto_to_json(pack_options(ReadOptions()))


def decoded(uri: str) -> collections.Counter[frozenset[tuple[str, tuple[object, ...]]]]:
    """The examples of all splits as a multiset; features without values are left out."""
    import struct

    from tensorflow.core.example import example_pb2

    found: collections.Counter[frozenset[tuple[str, tuple[object, ...]]]] = collections.Counter()
    for path in glob.glob(os.path.join(uri, "Split-*", "*.gz")):
        with gzip.open(path, "rb") as file:
            while header := file.read(12):
                length = struct.unpack("<Q", header[:8])[0]
                example = example_pb2.Example.FromString(file.read(length + 4)[:length])
                found[frozenset(filter(None, map(_values, example.features.feature.items())))] += 1
    return found


def _values(item: tuple[str, Any]) -> tuple[str, tuple[object, ...]] | None:
    name, feature = item
    kind = feature.WhichOneof("kind")
    return (name, (kind, *getattr(feature, kind).value)) if kind and getattr(feature, kind).value else None


def print_table(figures: dict[str, dict[str, float]]) -> None:
    """The figures side by side."""
    print(f"{'':24}{'ArrowExampleGen':>16}{'CsvExampleGen':>16}{'ratio':>8}")
    labels = {
        "work_s": "executor, s",
        "work_cpu_s": "executor, CPU s",
        "total_s": "with imports, s",
        "total_cpu_s": "with imports, CPU s",
        "peak_mb": "peak memory, MB",
    }
    for key, label in labels.items():
        arrow, stock = figures["arrow"][key], figures["stock"][key]
        print(f"{label:24}{arrow:16.1f}{stock:16.1f}{stock / arrow:8.1f}")


if __name__ == "__main__":
    main()
