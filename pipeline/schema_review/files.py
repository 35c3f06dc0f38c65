"""The curated schema as a file that people review: reading it with clear errors, writing it atomically.

Also the statistics of a run, which a schema is proposed from (`pipeline/schema_review/inference.py`) and compared with
(`pipeline/schema_review/diff.py`). No TensorFlow: the command line reads schemas too.
"""

import contextlib
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipeline.errors import ConfigError, NotFound
from pipeline.feature_planning.column_source import nearest
from pipeline.schema_review.text import edited_text

STATISTICS_FILE = "FeatureStats.pb"  # of TFX's StatisticsGen, one in each folder Split-<name>
_SPLIT_PREFIX = "Split-"

_UNKNOWN_FIELD = re.compile(r'Message type "(?P<type>[\w.]+)" has no field named "(?P<seen>[^"]+)"')
_UNKNOWN_VALUE = re.compile(r'Enum type "(?P<type>[\w.]+)" has no value named (?P<seen>\w+)')


def read_schema(path: Path) -> schema_pb2.Schema:
    """The schema in a text proto file.

    Raises:
      ConfigError: if the file is not there, is no text proto (with line, column and the nearest valid name), or
        names a feature twice, a domain that it does not define, or no feature at all.
    """
    return parse_schema(_read_text(path), path)


def parse_schema(text: str, path: Path | str) -> schema_pb2.Schema:
    """The schema in the text of the file at `path` (or URI); raises as `read_schema`."""
    schema = schema_pb2.Schema()
    try:
        text_format.Parse(text, schema)
    except text_format.ParseError as error:
        raise ConfigError([_parse_problem(path, error)]) from error
    if problems := _content_problems(path, text, schema):
        raise ConfigError(problems)
    return schema


def leading_comment(path: Path) -> str:
    """The comment lines at the top of a schema file, without their `#`; empty if there are none.

    Comments do not survive in a proto; this block is kept even where the file has to be written anew.
    """
    kept = []
    for line in _read_text(path).splitlines():
        if not line.startswith("#"):
            break
        kept.append(line[1:].removeprefix(" "))
    return "\n".join(kept)


def write_schema(path: Path, schema: schema_pb2.Schema, header: str = "") -> None:
    """Replaces the file in one step by the schema as a text proto below `header`, which becomes a comment.

    A reader sees the old file or the new one, also if the machine stops halfway.
    """
    lines = [f"# {line}".rstrip() for line in header.splitlines()]
    head = "\n".join([*lines, "", ""]) if lines else ""
    _replace_text(path, head + text_format.MessageToString(schema, as_utf8=True))


def update_schema(path: Path, schema: schema_pb2.Schema) -> None:
    """Changes a reviewed file to mean `schema`, in one step, keeping its comments and all blocks that hold still.

    If the schema is in another order than the file, the file is written anew and only its leading comment survives.
    """
    edited = edited_text(_read_text(path), schema)
    if edited is None:
        write_schema(path, schema, leading_comment(path))
    else:
        _replace_text(path, edited)


def load_statistics(uri: str, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics of one split in a StatisticsGen artifact.

    Raises:
      NotFound: if the artifact has no readable statistics of that split.
    """
    path = Path(uri) / f"{_SPLIT_PREFIX}{split}" / STATISTICS_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: no statistics of split '{split}'.{nearest(split, split_names(uri))}") from error
    try:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(content)
    except DecodeError as error:
        raise NotFound(
            f"{path}: not the statistics of a split ({len(content):,} bytes). Run StatisticsGen again."
        ) from error


def load_all_statistics(uri: str) -> dict[str, statistics_pb2.DatasetFeatureStatisticsList]:
    """The statistics of every split in a StatisticsGen artifact, `train` first.

    Raises:
      NotFound: if there are none, or some cannot be read.
    """
    names = split_names(uri)
    if not names:
        raise NotFound(f"{uri}: holds no statistics ({_SPLIT_PREFIX}<name>/{STATISTICS_FILE}).")
    return {name: load_statistics(uri, name) for name in names}


def split_names(uri: str) -> list[str]:
    """The splits in an artifact's folder, `train` first, then by name."""
    names = [folder.name.removeprefix(_SPLIT_PREFIX) for folder in Path(uri).glob(f"{_SPLIT_PREFIX}*")]
    return sorted(names, key=lambda name: (name != "train", name))


def _replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            [f"{path}: there is no such schema file. Write one from a run: penstock schema infer RUN -o {path}"]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text (byte {error.start}); a schema file is a text proto."]) from error
    except OSError as error:
        raise ConfigError([f"{path}: the schema file cannot be read: {error.strerror}."]) from error


def _parse_problem(path: Path | str, error: text_format.ParseError) -> str:
    message = re.sub(r"^\d+:\d+ : ", "", str(error))
    where = f"{path}:{error.GetLine()}:{error.GetColumn()}"
    if unknown := _UNKNOWN_FIELD.search(message):
        descriptor = _message_types()[unknown["type"]]
        return f"{where}: {descriptor.name} has no field '{unknown['seen']}'." + nearest(
            unknown["seen"], [field.name for field in descriptor.fields]
        )
    if unknown := _UNKNOWN_VALUE.search(message):
        enum = schema_pb2.DESCRIPTOR.enum_types_by_name.get(unknown["type"].rsplit(".", 1)[-1])
        known = [value.name for value in enum.values] if enum else []
        return f"{where}: there is no value '{unknown['seen']}' here.{nearest(unknown['seen'], known)}"
    return f"{where}: not a schema in text proto form: {message}"


def _message_types() -> dict[str, Descriptor]:
    """Every message type that a schema can hold, by full name."""
    found: dict[str, Descriptor] = {}
    queue = [schema_pb2.Schema.DESCRIPTOR]
    while queue:
        descriptor = queue.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            queue += [field.message_type for field in descriptor.fields if field.message_type]
    return found


def _content_problems(path: Path | str, text: str, schema: schema_pb2.Schema) -> list[str]:
    if not schema.feature:
        return [f"{path}: the schema has no feature. Write one from a run: penstock schema infer RUN -o {path}"]
    names = Counter(feature.name for feature in schema.feature)
    problems = [f"{path}: {names['']} features have no name."] if "" in names else []
    problems += [
        f"{path}:{_line_of(text, 'name', name, 2)}: feature '{name}' is there {count} times; keep one."
        for name, count in names.items()
        if count > 1 and name
    ]
    domains = [domain.name for domain in (*schema.string_domain, *schema.int_domain, *schema.float_domain)]
    return problems + [
        f"{path}:{_line_of(text, 'domain', feature.domain)}: feature '{feature.name}' names the domain "
        f"'{feature.domain}', which the schema does not define.{nearest(feature.domain, domains)}"
        for feature in schema.feature
        if feature.HasField("domain") and feature.domain not in domains
    ]


def _line_of(text: str, field: str, value: str, occurrence: int = 1) -> int:
    """1-based line on which the field is set to the string for the n-th time; 1 if it is written in another way."""
    pattern = re.compile(rf"\b{field}\s*:\s*[\"']{re.escape(value)}[\"']")
    found = list(pattern.finditer(text))
    return text.count("\n", 0, found[occurrence - 1].start()) + 1 if len(found) >= occurrence else 1
