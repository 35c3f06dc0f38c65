"""TFX's driver for files, with an error a user can act on when no file matches."""

import glob
import warnings
from collections.abc import Iterable
from typing import Any

from tfx.components.example_gen import driver, input_processor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2, range_config_pb2

from components.arrow_example_gen.source_files import check_pattern, list_files, resolve_input


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
            if "://" not in input_base_uri:
                resolve_input(input_base_uri, item.pattern, fixed_span=_fixed_span(range_config))
            elif "{" not in item.pattern:
                list_files(input_base_uri, item.pattern, fileio.glob, fileio.isdir)
        # TFX takes the base for a part of the pattern.
        return super().get_input_processor(splits, range_config, glob.escape(input_base_uri))


def _fixed_span(range_config: range_config_pb2.RangeConfig | None) -> int | None:
    if range_config is None or not range_config.HasField("static_range"):
        return None
    return int(range_config.static_range.start_span_number)
