"""HTML and SVG elements as safe text. Whatever goes in as plain text comes out escaped and visible."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from pipeline.report.text import visible

Child = str | Markup | int | float | None


def safe(value: object) -> Markup:
    """The value as markup: markup as it is, anything else as visible, escaped text; None is empty."""
    if isinstance(value, Markup):
        return value
    return Markup("") if value is None else escape(visible(str(value)))


def join(parts: Iterable[object], between: str = "") -> Markup:
    """The parts as one piece of markup."""
    return Markup(str(escape(between)).join([safe(part) for part in parts]))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """One element. `class_` is class, `aria_label` aria-label; None and False leave an attribute out.

    >>> tag("p", "a < b", class_="note")
    Markup('<p class="note">a &lt; b</p>')
    """
    return Markup(f"<{name}{_attributes(attributes)}>{join(children)}</{name}>")


def mark(name: str, **attributes: object) -> Markup:
    """One SVG element without children.

    >>> mark("circle", cx=1.25, cy=2.0, r=3)
    Markup('<circle cx="1.25" cy="2" r="3"/>')
    """
    return Markup(f"<{name}{_attributes(attributes)}/>")


def _attributes(attributes: dict[str, object]) -> str:
    """The attributes with their values escaped; by plain formatting, several times as fast as that of Markup."""
    return "".join(
        f' {_name(name)}="{safe(_value(value))}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: object) -> object:
    """Coordinates with two decimals at most: finer than a screen, and half the page."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else "" if value is True else value


def drawing(
    *children: object, width: float, height: float, title: str, description: str = "", class_: str = ""
) -> Markup:
    """An SVG of that size in CSS pixels, which shrinks to its box; title and description are read to who cannot see."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description) if description else None,
        *children,
        class_=f"pn-svg {class_}".strip(),
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
        aria_label=f"{title}. {description}" if description else title,
    )


def label(text: object, x: float, y: float, *, anchor: str = "start", class_: str = "pn-label") -> Markup:
    """Text in a drawing; `anchor` is start, middle or end."""
    return tag("text", text, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=class_)


def path(points: Iterable[tuple[float, float]]) -> str:
    """Straight lines through the points, for an SVG path.

    >>> path([(0, 1), (2.5, 3)])
    'M0,1L2.5,3'
    """
    return "M" + "L".join(f"{_value(float(x))},{_value(float(y))}" for x, y in points)
