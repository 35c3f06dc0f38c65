"""TFX's driver for files, with an error a user can act on when no file matches."""

import glob
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from tfx.components.example_gen import driver, input_processor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2, range_config_pb2

from components.arrow_example_gen.remote_files import reached_by
from components.arrow_example_gen.source_files import check_pattern, resolve_input


class Driver(driver.FileBasedDriver):
    """Span, version, date and fingerprint are TFX's own; only what it would let pass or report badly comes first."""

    def resolve_exec_properties(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """TFX's, without a warning: it makes an escaped bracket of the base, `[[]`, a part of a regular expression."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Possible nested set", FutureWarning)
            properties: dict[str, Any] = super().resolve_exec_properties(*arguments, **named)
        return properties

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """TFX's FileBasedInputProcessor.

        Raises:
          BadData: the pattern is malformed or no file matches it.
        """
        assert input_base_uri is not None
        for item in splits:
            check_pattern(item.pattern)
            with reached_by(_TfxFiles()):
                resolve_input(input_base_uri, item.pattern, fixed_span=_fixed_span(range_config))
        # TFX takes the base for a part of the pattern.
        return super().get_input_processor(splits, range_config, glob.escape(input_base_uri))


class _TfxFiles:
    """Remote files as TFX's plugins reach them; see `remote_files.Files`."""

    def find(self, pattern: str) -> Sequence[str]:
        """As `fileio.glob`."""
        found: list[str] = fileio.glob(pattern)
        return found

    def is_dir(self, path: str) -> bool:
        """As `fileio.isdir`."""
        return bool(fileio.isdir(path))

    def open(self, path: str) -> BinaryIO:
        """As `fileio.open`."""
        file: BinaryIO = fileio.open(path, "rb")
        return file


def _fixed_span(range_config: range_config_pb2.RangeConfig | None) -> int | None:
    if range_config is None or not range_config.HasField("static_range"):
        return None
    return int(range_config.static_range.start_span_number)
