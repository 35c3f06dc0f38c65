"""Edits a schema's text so that what people wrote around it stays: comments, order, and every block that holds still.

A proto carries no comments, so a schema that is read, changed and written again would lose them. Here the text is cut
into its top-level blocks (`feature { … }`, `string_domain { … }`, each with the comment above it), and only the blocks
that changed are written anew, below their comments.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>\#[^\n]*)|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}<>]|[^\s\#"'{}<>]+"""
)
_COMMENT_BESIDE = re.compile(r"[ \t]*#[^\n]*")
_Key = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class _Block:
    """A top-level field: the blank lines and comments above it, its text, a comment beside it, and what it means."""

    lead: str
    text: str
    tail: str
    key: _Key
    value: Any


def edited_text(text: str, schema: schema_pb2.Schema) -> str | None:
    """The text of a schema file, changed where it must be to mean `schema`.

    None if that takes more than changing, dropping and adding blocks (another order of the features): then the file
    can only be written anew.
    """
    blocks, rest = _blocks(text)
    wanted = _fields_of(schema)
    known = {block.key for block in blocks}
    pieces = [_kept(block, wanted) for block in blocks]
    last_feature = max((at for at, block in enumerate(blocks) if block.key[0] == "feature"), default=-1)
    added = [(key, "\n\n" + _written(key, value)) for key, value in wanted.items() if key not in known]
    pieces[last_feature + 1 : last_feature + 1] = [piece for key, piece in added if key[0] == "feature"]
    pieces += [piece for key, piece in added if key[0] != "feature"]
    edited = "".join(pieces).lstrip("\n") + (rest or "\n")
    return edited if _means(edited, schema) else None


def _kept(block: _Block, wanted: dict[_Key, Any]) -> str:
    if block.key not in wanted:
        above = block.lead.rfind("\n\n") + 1
        return block.lead[:above].rstrip("\n")  # its own comment goes, one further up stays
    value = wanted[block.key]
    return block.lead + (block.text if value == block.value else _written(block.key, value)) + block.tail


def _written(key: _Key, value: Any) -> str:
    one = schema_pb2.Schema()
    _put(one, key[0], value)
    return text_format.MessageToString(one, as_utf8=True).rstrip("\n")


def _put(schema: schema_pb2.Schema, field: str, value: Any) -> None:
    target = getattr(schema, field)
    if hasattr(target, "append"):
        target.append(value)
    elif hasattr(value, "DESCRIPTOR"):
        target.CopyFrom(value)
    else:
        setattr(schema, field, value)


def _means(text: str, schema: schema_pb2.Schema) -> bool:
    return bool(text_format.Parse(text, schema_pb2.Schema()) == schema)


def _fields_of(schema: schema_pb2.Schema) -> dict[_Key, Any]:
    """Every element of every repeated field, and every single field, by field and name (or position)."""
    found: dict[_Key, Any] = {}
    for descriptor, value in schema.ListFields():
        elements = list(value) if hasattr(value, "append") else [value]
        for at, element in enumerate(elements):
            found[descriptor.name, str(getattr(element, "name", "") or at)] = element
    return found


def _blocks(text: str) -> tuple[list[_Block], str]:
    """The top-level fields of a text proto, and what follows the last one."""
    blocks: list[_Block] = []
    counts: dict[str, int] = {}
    end = 0
    for start, stop in _spans(text):
        value = text_format.Parse(text[start:stop], schema_pb2.Schema())
        ((descriptor, found),) = value.ListFields()
        field = descriptor.name
        element = found[0] if hasattr(found, "append") else found
        name = getattr(element, "name", "") or str(counts.get(field, 0))
        counts[field] = counts.get(field, 0) + 1
        tail = _COMMENT_BESIDE.match(text, stop)
        beside = tail[0] if tail else ""
        blocks.append(_Block(text[end:start], text[start:stop], beside, (field, name), element))
        end = stop + len(beside)
    return blocks, text[end:]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each top-level field: `name { … }`, `name: { … }` or `name: value`."""
    start, depth = None, 0
    tokens = [token for token in _TOKEN.finditer(text) if not token["space"] and not token["comment"]]
    for token, following in itertools.pairwise([*tokens, None]):
        if token is None:
            continue
        start = token.start() if start is None else start
        depth += {"{": 1, "<": 1, "}": -1, ">": -1}.get(token[0], 0)
        is_name = token[0].endswith(":") or (following is not None and following[0] in ("{", "<", ":"))
        if depth == 0 and not is_name:
            yield start, token.end()
            start = None
