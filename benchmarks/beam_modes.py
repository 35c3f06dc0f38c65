"""Prints what the data nodes cost in each of Beam's modes, side by side: seconds, rows a second, CPU seconds, memory.

    python benchmarks/beam_modes.py [--rows 10000 50000 250000] [--modes in_memory local_parallel flink spark]
        [--to Transform] [--workers 2] [--jars .jars] [--limit-s 480]

For each number of rows the sample data are written once; then `penstock run --to Transform` reads, counts and
transforms them in each mode, one node at a time, in a folder of its own. The figures are those of the run's own events:
they hold the start of worker processes and job servers, and no imports that the runner has done before.
Flink and Spark run within their job servers on this machine and are left out, with a word, where the jars are not in
the folder `--jars` (docs/config.md#where-beam-runs has the command that fetches them). What `--limit-s` leaves no time
for is left out too.
"""

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NODES = ("ArrowExampleGen", "StatisticsGen", "Transform")
MODES = ("in_memory", "local_parallel", "flink", "spark")
JARS = {"flink": "beam-runners-flink-1.20-job-server-*.jar", "spark": "beam-runners-spark-3-job-server-*.jar"}

CONFIG = """
pipeline: {{name: reviews, root: {root}}}
data: {{path: {data}, split_by: customer_id, splits: {{train: 8, eval: 1, test: 1}}}}
schema: {{path: {schema}}}
label: {{column: star_rating}}
beam: {beam}
"""


@dataclasses.dataclass(frozen=True)
class Figures:
    """What a node cost; memory and processor time include its child processes."""

    wall_s: float
    cpu_s: float
    peak_memory_bytes: int


def main() -> None:
    """Measures every mode on every number of rows and prints a table for each node."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000, 250_000])
    parser.add_argument("--modes", choices=MODES, nargs="+", default=MODES)
    parser.add_argument("--to", choices=NODES, default=NODES[-1], help="The last node to measure.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--jars", type=Path, default=REPOSITORY / ".jars")
    parser.add_argument("--limit-s", type=float, default=480, help="No measurement begins after so many seconds.")
    arguments = parser.parse_args()
    beam = {mode: settings for mode in arguments.modes if (settings := beam_of(mode, arguments))}
    end = time.monotonic() + arguments.limit_s
    found: dict[tuple[str, int], dict[str, Figures]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows, mode in ((rows, mode) for rows in sorted(arguments.rows) for mode in beam):
            if (left := end - time.monotonic()) > 0:
                config = write_config(Path(folder), rows, mode, beam[mode])
                run = ["run", "--config", str(config), "--to", arguments.to, "--max-workers=1", "--json"]
                found[mode, rows] = dict(figures(penstock(run, left).splitlines()))
            if arguments.to not in found.get((mode, rows), {}):
                print(f"{mode}, {rows:,} rows: not all was measured within {arguments.limit_s:.0f} s", flush=True)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[2]:.1f} over the last 15 minutes")
    for node in NODES:
        print("\n".join(table(node, {key: nodes[node] for key, nodes in found.items() if node in nodes})))


def beam_of(mode: str, arguments: argparse.Namespace) -> dict[str, object]:
    """The configuration's section `beam` for a mode; empty, with a word, if its jar is not there."""
    if mode not in JARS:
        return {"mode": mode, "workers": arguments.workers}
    jars = sorted(arguments.jars.glob(JARS[mode]))
    if not jars:
        print(f"{mode}: left out, there is no {JARS[mode]} in {arguments.jars}")
        return {}
    return {"mode": mode, "workers": arguments.workers, mode: {"job_server_jar": str(jars[-1].resolve())}}


def write_config(folder: Path, rows: int, mode: str, beam: object) -> Path:
    """The configuration of one measurement, in a folder of its own; its data are written if they are not there."""
    data, place = folder / f"{rows}.tsv", folder / f"{mode}-{rows}"
    if not data.exists():
        penstock(["sample-data", "--output", str(data), f"--rows={rows}"])
    place.mkdir()
    config, schema = place / "penstock.yaml", REPOSITORY / "schemas" / "reviews" / "schema.pbtxt"
    config.write_text(CONFIG.format(root=place / "root", data=data, schema=schema, beam=json.dumps(beam)))
    return config


def penstock(words: Sequence[str], limit_s: float | None = None) -> str:
    """What a verb of the command line says, within `limit_s`, when all of it is ended; stops if the verb fails."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "pipeline.cli", *words]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=errors, start_new_session=True)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        failed = process.wait() > 0
        texts = [(file.seek(0), file.read())[1] for file in (said, errors)]
    if failed:
        sys.exit(f"{' '.join(command)} failed:\n{texts[0][-3000:]}\n{texts[1][-3000:]}")
    return texts[0]


def figures(events: Sequence[str]) -> Iterator[tuple[str, Figures]]:
    """The figures of the nodes that a run's events tell to have been computed."""
    for event in (json.loads(line) for line in events if line.endswith("}")):
        if event["event"] == "node_ended" and event["state"] == "COMPLETE":
            names = (field.name for field in dataclasses.fields(Figures))
            yield event["node_id"], Figures(**{name: event[name] for name in names})


def table(node: str, found: dict[tuple[str, int], Figures]) -> Iterator[str]:
    """The lines of one node's table; speed and CPU are compared with `in_memory` on the same rows."""
    yield f"\n{node:18}{'rows':>10}{'s':>9}{'rows/s':>10}{'CPU s':>9}{'MB':>8}{'speed':>9}{'CPU':>7}"
    for (mode, rows), cost in sorted(found.items(), key=lambda item: item[0][1]):
        base = found.get(("in_memory", rows))
        ratios = f"{base.wall_s / cost.wall_s:8.2f}x{cost.cpu_s / base.cpu_s:6.2f}x" if base else ""
        measured = f"{rows:10,}{cost.wall_s:9.1f}{rows / cost.wall_s:10,.0f}{cost.cpu_s:9.1f}"
        yield f"{mode:18}{measured}{cost.peak_memory_bytes / 1e6:8,.0f}{ratios}"


if __name__ == "__main__":
    main()
