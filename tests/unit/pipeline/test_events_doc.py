"""docs/events.md and the events agree, both ways."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from pipeline.progress.json_lines import RunFinished
from pipeline.run_store import NodeRecord
from pipeline.runners.events import Event, NodeEnded, event_name

DOC = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
KINDS = (*get_args(Event), RunFinished)


def sections():
    """The text under each heading that is an event's name."""
    parts = re.split(r"^## (.+)$", DOC, flags=re.MULTILINE)
    return {title: text for title, text in zip(parts[1::2], parts[2::2], strict=True) if re.fullmatch("[a-z_]+", title)}


def fields_of(kind):
    own = [field.name for field in dataclasses.fields(kind)]
    if kind is not NodeEnded:
        return own
    return [field.name for field in dataclasses.fields(NodeRecord)] + [name for name in own if name != "record"]


def test_every_event_is_explained_and_no_other():
    assert list(sections()) == [event_name(kind) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained_and_no_other(kind):
    table = sections()[event_name(kind)].partition("| node |")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == fields_of(kind)
