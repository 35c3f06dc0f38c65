"""A folder to ingest from and into, and the rows that came out."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

import pytest

from components.arrow_example_gen.ingest import IngestReport, SplitPlan, ingest
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.shares import IN_THIS_PROCESS, SHARE_BYTES, Workers, shares_of
from components.arrow_example_gen.source_files import open_bytes, resolve_input
from components.arrow_example_gen.sources import open_sources
from components.arrow_example_gen.tfrecord import read_records

Row = dict[str, list]


@dataclasses.dataclass
class Workbench:
    """`write` puts a file into the input folder, `run` ingests it, `rows` decodes a split."""

    folder: pathlib.Path

    def write(self, name: str, content: str | bytes) -> str:
        path = self.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(
        self,
        pattern: str = "*",
        options: ReadOptions | None = None,
        splits: Mapping[str, int] | None = None,
        split_by: str | None = None,
        workers: Workers = IN_THIS_PROCESS,
        share_bytes: int = SHARE_BYTES,
    ) -> IngestReport:
        options = options or ReadOptions()
        files = resolve_input(str(self.folder / "data"), pattern).files
        return ingest(
            shares_of(open_sources(files, options), share_bytes),
            options,
            SplitPlan(splits or {"all": 1}, split_by),
            split_folder=lambda name: str(self.folder / "out" / f"Split-{name}"),
            quarantine_folder=str(self.folder / "out" / "quarantine"),
            workers=workers,
        )

    def rows(self, split: str = "all") -> list[Row]:
        """The examples of a split, features with values only."""
        from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

        found = []
        for path in sorted((self.folder / "out" / f"Split-{split}").iterdir()):
            with open_bytes(str(path)) as stream:
                records = list(read_records(stream))
            decoded = ExamplesToRecordBatchDecoder(None).DecodeBatch(records).to_pylist() if records else []
            found += [{name: values for name, values in row.items() if values} for row in decoded]
        return found

    def quarantined(self) -> list[dict]:
        path = self.folder / "out" / "quarantine" / "rows.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Workbench:
    return Workbench(tmp_path)


@pytest.fixture(scope="module")
def new_bench(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workbench]:
    """Makes a fresh bench per example, for property-based tests."""
    return lambda: Workbench(tmp_path_factory.mktemp("bench"))
