"""The files of an input as sources of one format and the same columns."""

from collections.abc import Callable, Sequence

from components.arrow_example_gen.delimited import CSV, TSV, DelimitedFile
from components.arrow_example_gen.options import FileFormat, ReadOptions
from components.arrow_example_gen.parquet_rows import ParquetRows
from components.arrow_example_gen.raw_batch import Source
from components.arrow_example_gen.source_files import file_format
from components.arrow_example_gen.tfrecord import TFRecordFile
from components.errors import BadData

_READERS: dict[FileFormat, Callable[[str], Source]] = {
    "csv": lambda path: DelimitedFile(path, CSV),
    "tsv": lambda path: DelimitedFile(path, TSV),
    "parquet": ParquetRows,
    "tfrecord": TFRecordFile,
}


def open_sources(files: Sequence[str], options: ReadOptions) -> list[Source]:
    """A source per file; only headers are read.

    Raises:
      BadData: files that are empty, unreadable, of different formats or with different columns; all in one message.
    """
    sources: list[Source] = []
    problems = []
    for path in files:
        try:
            sources.append(_READERS[file_format(path, options)](path))
        except BadData as error:
            problems.append(str(error))
    problems += _differences(sources)
    if problems:
        raise BadData("\n".join(problems))
    return sources


def _differences(sources: Sequence[Source]) -> list[str]:
    """What keeps the files from being one table, one sentence each."""
    if not sources:
        return []
    first, problems = sources[0], []
    for source in sources[1:]:
        if type(source) is not type(first) or source.values_are_text != first.values_are_text:
            problems.append(
                f"{source.path} has another format than {first.path}; an input has one. Narrow the pattern."
            )
        elif source.names is not None and first.names is not None and set(source.names) != set(first.names):
            lacks = sorted(set(first.names) - set(source.names))
            extra = sorted(set(source.names) - set(first.names))
            said = "; ".join(
                f"{verb} {', '.join(map(repr, names))}" for verb, names in (("lacks", lacks), ("adds", extra)) if names
            )
            problems.append(f"{source.path} has other columns than {first.path}: it {said}. Files of one input agree.")
    return problems
