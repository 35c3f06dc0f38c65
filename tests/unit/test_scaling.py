"""What docs/scaling.md says of modes, nodes and measurements is so."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest

from components.arrow_example_gen.shares import SHARE_BYTES
from pipeline.beam_settings import BeamMode, BeamNode

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import beam_modes

    yield beam_modes
    del sys.modules["beam_modes"]


def test_every_mode_has_a_line_that_says_when():
    assert tuple(re.findall(r"^\| `(\w+)` \|", TEXT, flags=re.MULTILINE)) == get_args(BeamMode)


def test_every_node_that_works_on_beam_is_named():
    assert [node for node in get_args(BeamNode) if node not in TEXT.partition("work on Apache Beam")[0]] == []


def test_the_size_of_a_share_is_the_readers():
    assert f"about {SHARE_BYTES >> 20} MB" in TEXT


def test_every_node_was_measured_on_three_sizes(benchmark):
    """The table has what the benchmark prints: node, rows, and three figures for each of two modes, or a dash."""
    figure = r" (?:[\d.]+|-) \|"
    lines = re.findall(rf"^\| (\w+) \| ([\d,]+) \| [\d.]+ \| [\d.]+ \| \d+ \|{3 * figure}$", TEXT, flags=re.MULTILINE)
    assert {node for node, _ in lines} == set(benchmark.NODES)
    assert all(len({rows for name, rows in lines if name == node}) >= 3 for node in benchmark.NODES), lines


def test_the_benchmark_compares_with_in_memory(benchmark):
    found = {
        ("in_memory", 100): benchmark.Figures(10.0, 8.0, 3_000_000),
        ("flink", 100): benchmark.Figures(4.0, 12.0, 9_000_000),
    }
    _, here, flink = benchmark.table("StatisticsGen", found)
    assert here.split() == ["in_memory", "100", "10.0", "10", "8.0", "3", "1.00x", "1.00x"]
    assert flink.split() == ["flink", "100", "4.0", "25", "12.0", "9", "2.50x", "1.50x"]
