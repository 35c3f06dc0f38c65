"""The card as a page: one file, made from `card.json` alone, that asks for nothing over a network."""

import functools
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup, escape

from components.model_card.document import Card
from components.model_card.drawings import Axis, bar, interval
from components.readable import clipped, counted, number, percent, size, visible

#: The page lists this many columns; card.json has more.
SHOWN_COLUMNS = 40


def render_card(card: Card) -> str:
    """The page. The same card gives the same bytes."""
    environment = _environment()
    style, *_ = environment.loader.get_source(environment, "card.css")  # type: ignore[union-attr]
    page = environment.get_template("card.html.j2").render(
        card=card,
        style=Markup(style),  # noqa: S704 - a file of this package
        headline=headline(card),
        drawn=_drawn_slices(card),
        shown_columns=SHOWN_COLUMNS,
    )
    return page.lstrip()


def headline(card: Card) -> Mapping[str, Any] | None:
    """The metric that slices are compared by, on all rows; None where nothing was measured."""
    measured = card["quantitative_analysis"]
    if measured is None:
        return None
    metrics = measured["performance_metrics"]
    return next((item for item in metrics if item["type"] == measured["slices"]["metric"]), None)


def measured_text(item: Mapping[str, Any]) -> str:
    """A value with its interval in words: `0.899 (0.885 to 0.912)`."""
    bounds = item["confidence_interval"]
    if item["value"] is None:
        return "not measurable"
    return number(item["value"]) + (f" ({_bounds(bounds)})" if bounds else "")


def _bounds(bounds: Mapping[str, float]) -> str:
    return f"{number(bounds['lower_bound'])} to {number(bounds['upper_bound'])}"


def _drawn_slices(card: Card) -> list[Markup]:
    """A drawing for each slice that is shown, on one axis, with the value on all rows marked."""
    measured = card["quantitative_analysis"]
    if measured is None:
        return []
    overall = (headline(card) or {}).get("value")
    slices = measured["slices"]["worst"]
    ends = [(item["value"], *_ends(item)) for item in slices]
    axis = Axis.over([overall, *(value for values in ends for value in values)])
    return [interval(axis, *values, overall) for values in ends]


def _ends(item: Mapping[str, Any]) -> tuple[float | None, float | None]:
    bounds = item["confidence_interval"]
    return (bounds["lower_bound"], bounds["upper_bound"]) if bounds else (None, None)


def _safe(value: object) -> Markup:
    """Markup as it is, anything else as visible, clipped, escaped text."""
    if isinstance(value, Markup):
        return value
    return Markup("") if value is None else escape(visible(clipped(str(value), 2000)))


def _setting(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no"}.get(value, "none")  # type: ignore[arg-type]
    if isinstance(value, int | float):
        return number(value)
    return ", ".join(map(_setting, value)) if isinstance(value, list | tuple) else str(value)


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("components.model_card", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=number,
        percent=percent,
        size=size,
        counted=counted,
        measured=measured_text,
        setting=_setting,
        bar=bar,
        spaced=lambda text: str(text).replace("_", " "),
    )
    return made
