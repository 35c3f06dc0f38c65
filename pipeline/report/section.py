"""A part of the page: a title with what there is to show, or why there is nothing."""

import dataclasses

from markupsafe import Markup

from pipeline.report.tags import tag


@dataclasses.dataclass(frozen=True)
class Section:
    """One part of the page; `body` is None if there is nothing to show, and `absence` says why."""

    section_id: str
    title: str
    group: str
    body: Markup | None
    absence: str = ""


def part(title: str, *children: object) -> Markup:
    """A titled piece of a section; empty without children."""
    kept = [child for child in children if child is not None and child != ""]
    return tag("div", tag("h3", title), *kept) if kept else Markup("")


def fold(summary: object, *children: object, key: str, opened: bool = False) -> Markup:
    """What is shown when asked for; `key` keeps it open while the page of a running run is renewed."""
    return tag("details", tag("summary", summary), *children, class_="fold", id=key, open=opened)


def note(*children: object) -> Markup:
    """A remark in small print."""
    return tag("p", *children, class_="note")
