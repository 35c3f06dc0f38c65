"""The page as text: sections, styles and script in one file that asks for nothing else."""

import base64
import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence

import jinja2
from markupsafe import Markup

from pipeline.report.section import Section
from pipeline.report.tags import safe

PAGE_STYLES = ("pieces.css", "page.css")


def render_page(
    *,
    title: str,
    top: Markup,
    sections: Sequence[Section],
    foot: object,
    scripts: Sequence[str] = ("page.js",),
    connects: bool = False,
) -> str:
    """The whole page. With `connects` its script may ask the server it came from; otherwise it may ask nobody."""
    script = script_of(scripts)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            top=top,
            sections=sections,
            foot=foot,
            policy=content_policy(script, connects=connects),
            style=Markup("\n".join(source(name) for name in PAGE_STYLES)),
            script=Markup(script),
        )
    )


def render_section(section: Section) -> str:
    """What is inside one section, for a page that renews itself."""
    return _environment().get_template("section.html.j2").render(section=section)


def render_contents(sections: Sequence[Section]) -> str:
    """The list of the sections."""
    return _environment().get_template("contents.html.j2").render(sections=sections)


def content_policy(script: str, *, connects: bool = False) -> str:
    """What the browser may do for the page: show it, and run this very script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "img-src data:",
        *(["connect-src 'self'"] if connects else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def script_of(names: Sequence[str]) -> str:
    """The scripts of a page as one."""
    return "\n".join(source(name) for name in names)


@functools.cache
def source(name: str) -> str:
    """A style or script file of this package."""
    text, *_ = _environment().loader.get_source(_environment(), name)  # type: ignore[union-attr]
    return text


def pieces_style() -> Markup:
    """The style of tables and drawings alone, for a notebook: put it beside what stands inside `class="pn"`."""
    return Markup("<style>{}</style>").format(Markup(source("pieces.css")))


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=safe,
        trim_blocks=True,
    )
    made.filters["groupby_in_order"] = _grouped
    return made


def _grouped(sections: Iterable[Section]) -> Iterator[tuple[str, list[Section]]]:
    """Neighbours of one group together."""
    for group, members in itertools.groupby(sections, key=lambda section: section.group):
        yield group, list(members)
