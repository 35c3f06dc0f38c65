"""What the model's answers come from, as HTML: importances with intervals, by slice, words, and rows shown in full."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from components.explainer.document import Example, Explanation, Group, Importance, Part, Word, Words
from pipeline.report.axes import Frame, horizontal_axis
from pipeline.report.scales import Linear
from pipeline.report.section import fold, note, part
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import drawing, join, label, mark, tag
from pipeline.report.text import clipped, counted, middle, number, percent

MOST_BARS = 20
MOST_COLUMNS = 8
MOST_GROUPS = 40
_BAR, _WIDTH = 22.0, 640.0


def explanation_view(found: Explanation) -> Markup:
    """The whole section."""
    return join(
        [
            tag("p", _introduction(found)),
            *(note(clipped(remark, 1000)) for remark in found.remarks),
            part("Which features count", importance_bars(found.features), _cross_check(found)),
            _groups("By predicted class", found.classes_explained, found),
            _groups("By slice", found.slices, found),
            _words(found.words),
            _examples(found.examples),
        ]
    )


def _introduction(found: Explanation) -> str:
    method = {"integrated_gradients": "integrated gradients", "permutation_shap": "permutation SHAP"}[found.method]
    return (
        f"{counted(found.rows, 'row')} of split {found.split} explained by {method}. Attributions are parts of "
        f"{found.explains}, and say why it differs from that of {found.baseline}. {found.completeness.sentence()}"
    )


def importance_bars(features: Sequence[Importance]) -> Markup:
    """Mean |attribution| of each feature with its interval, the largest first."""
    shown = features[:MOST_BARS]
    if not shown:
        return tag("p", "No feature.", class_="pn-none")
    frame = Frame(_WIDTH, _BAR * len(shown) + 40, left=170.0, right=70.0, top=6.0, bottom=34.0)
    across = frame.across(0.0, max(max(item.high for item in shown), 1e-12))
    bars = [piece for at, item in enumerate(shown) for piece in _bar(item, frame.top + at * _BAR, across)]
    axis = horizontal_axis(frame, across, "mean |attribution|, with its 95 % interval")
    told = "; ".join(f"{item.feature} {number(item.importance)}" for item in shown)
    drawn = drawing(
        *bars, axis, width=frame.width, height=frame.height, title="Importance of each feature", description=told
    )
    return join([drawn, _numbers(features)])


def _bar(item: Importance, top: float, across: Linear) -> Iterable[Markup]:
    start, end, low, high = (across(value) for value in (0.0, item.importance, item.low, item.high))
    centre = top + _BAR / 2 - 2
    yield label(middle(item.feature, 26), start - 8, centre + 4, anchor="end")
    yield mark("rect", x=start, y=top + 2, width=max(end - start, 0.5), height=_BAR - 8, class_="pn-area pn-s1")
    yield mark("line", x1=low, x2=high, y1=centre, y2=centre, class_="pn-whisker pn-quiet")
    for x in (low, high):
        yield mark("line", x1=x, x2=x, y1=centre - 4, y2=centre + 4, class_="pn-whisker pn-quiet")
    yield label(percent(item.share), high + 6, centre + 4, class_="pn-tick")


def _numbers(features: Sequence[Importance]) -> Markup:
    columns = (
        Column("feature"),
        Column("mean |attribution|", numeric=True),
        Column("interval"),
        Column("share", numeric=True, meaning="of the sum over all features"),
        Column("mean attribution", numeric=True, meaning="with its sign: does it raise or lower the output?"),
    )
    rows = [
        (
            clipped(item.feature, 80),
            Cell(number(item.importance), item.importance),
            f"{number(item.low)} to {number(item.high)}",
            Cell(percent(item.share), item.share),
            Cell(number(item.mean), item.mean),
        )
        for item in features
    ]
    return fold("The numbers", table(columns, rows, caption="Importance of each feature"), key="importances")


def _cross_check(found: Explanation) -> Markup:
    other = found.cross_check
    if other is None:
        return Markup("")
    agreement = "not defined" if other.rank_agreement is None else f"{other.rank_agreement:.2f}"
    order = ", ".join(clipped(item.feature, 40) for item in other.features[:5])
    how = "every coalition of features" if other.is_exact else "drawn orders of the features"
    return note(
        f"Permutation SHAP, which only asks the model for answers ({other.evaluations:,} of them, {how}), ranks the "
        f"features on {other.rows:,} of these rows as {order}. Rank agreement (Spearman): {agreement}."
    )


def _groups(title: str, groups: Sequence[Group], found: Explanation) -> Markup:
    """A table of shares: which feature counts more here than elsewhere shows in a row."""
    if not groups:
        return Markup("")
    names = [item.feature for item in found.features[:MOST_COLUMNS]]
    columns = (Column("rows of"), Column("rows", numeric=True), *(Column(name, numeric=True) for name in names))
    rows = [("all", f"{found.rows:,}", *_shares(found.features, names))]
    rows += [
        (tag("span", clipped(group.name, 60), class_="pn-whole"), f"{group.rows:,}", *_shares(group.features, names))
        for group in groups[:MOST_GROUPS]
    ]
    more = note(f"… and {len(groups) - MOST_GROUPS} more.") if len(groups) > MOST_GROUPS else None
    caption = f"{title}: share of all attributions, with the interval of the mean"
    return part(title, table(columns, rows, caption=caption), more)


def _shares(features: Sequence[Importance], names: Sequence[str]) -> list[Cell]:
    by_name = {item.feature: item for item in features}
    cells = []
    for name in names:
        item = by_name.get(name)
        if item is None:
            cells.append(Cell("—", 0.0))
            continue
        title = f"{number(item.importance)}, interval {number(item.low)} to {number(item.high)}"
        cells.append(Cell(tag("span", percent(item.share), title=title), item.share))
    return cells


def _words(found: Sequence[Words]) -> Markup:
    if not found:
        return Markup("")
    columns = (Column("text"), Column("explained"), Column("raise it", wide=True), Column("lower it", wide=True))
    rows = [
        (
            clipped(item.feature, 60),
            clipped(item.explained, 60),
            join([_listed(word) for word in item.raising], " · "),
            join([_listed(word) for word in item.lowering], " · "),
        )
        for item in found
    ]
    caption = "Words by their mean attribution"
    return part("Which words count", table(columns, rows, caption=caption, sortable=False))


def _listed(word: Word) -> Markup:
    title = f"{word.attribution:+.3g} in {counted(word.rows, 'row')}"
    return tag("span", clipped(word.word, 40), f" {word.attribution:+.2g}", title=title, class_="pn-whole")


def _examples(found: Sequence[Example]) -> Markup:
    if not found:
        return Markup("")
    legend = note("Blue raises what is explained, underlined orange lowers it; the darker, the more.")
    shown = [fold(_heading(item), _row(item), key=f"explained-{at}", opened=at == 0) for at, item in enumerate(found)]
    return part("Rows in full", legend, *shown)


def _heading(item: Example) -> str:
    score = "" if item.score is None else f" ({percent(item.score)})"
    truth = "no known label" if item.label is None else f"label {clipped(item.label, 40)}"
    return f"{item.reason}: predicted {clipped(item.predicted, 40)}{score}, {truth}"


def _row(item: Example) -> Markup:
    columns = (Column("feature"), Column("attribution", numeric=True), Column("value", wide=True))
    most = max((abs(weight) for one in item.parts for _, weight in one.words), default=0.0)
    rows = [
        (clipped(one.feature, 80), Cell(f"{one.attribution:+.3g}", one.attribution), _value(one, most))
        for one in item.parts
    ]
    caption = (
        f"Output {number(item.output)} (for {clipped(item.explained, 40)}), baseline {number(item.baseline_output)}: "
        "the attributions are the difference"
    )
    return table(columns, rows, caption=caption, caption_shown=True)


def _value(one: Part, most: float) -> Markup | str:
    if not one.words:
        return "missing" if one.value is None else clipped(one.value, 200)
    return tag("span", join([_shaded(word, weight, max(most, 1e-12)) for word, weight in one.words], " "))


def _shaded(word: str, weight: float, most: float) -> Markup:
    strength = min(abs(weight) / most, 1.0)
    shade = "--shade-right" if weight >= 0 else "--shade-wrong"
    line = ";text-decoration:underline dotted" if weight < 0 and strength > 0.05 else ""
    style = f"background:rgba(var({shade}),{0.6 * strength:.3f}){line}"
    return tag("span", clipped(word, 80), style=style, title=f"{weight:+.4f}")
