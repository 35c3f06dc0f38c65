"""How the model was made, as HTML: training curves, trials of a search, the model itself, the serving check."""

from markupsafe import Markup

from pipeline.readers.model import Model
from pipeline.readers.serving_check import ServingCheck
from pipeline.readers.training import Training
from pipeline.readers.tuning import Tuning, Value
from pipeline.report.curves import Curve, curves
from pipeline.report.parallel import Trial, parallel_coordinates
from pipeline.report.section import fold, note
from pipeline.report.table import Cell, Column, pairs, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number, seconds, size


def training_view(training: Training) -> Markup:
    """A drawing a metric with training and validation, and the numbers behind them."""
    figures = [
        tag("figure", tag("figcaption", name), _metric_curves(training, name), class_="pn-figure")
        for name in training.metric_names
    ]
    said = f"{counted(len(training.epochs), 'epoch')} in {seconds(training.seconds)}."
    said += (
        f" Epoch {training.best_epoch} has the smallest validation loss; its weights are the model's."
        if training.best_epoch
        else ""
    )
    devices = f" Trained on {', '.join(training.devices)}." if training.devices else ""
    return join([note(said, devices), tag("div", *figures, class_="pn-figures"), _epochs(training)])


def tuning_view(tuning: Tuning) -> Markup:
    """The trials as parallel coordinates and as a table, the best first, and what was chosen."""
    objective = tuning.objective or "objective"
    trials = [
        Trial(f"trial {trial.trial_id}", {name: trial.values.get(name) for name in tuning.names}, trial.score)
        for trial in tuning.trials
    ]
    scores = [trial.score for trial in tuning.trials if trial.score is not None]
    larger = len(scores) < 2 or scores[0] >= scores[-1]
    space = tuning.best.space if tuning.best else ()
    logarithmic = [dimension.name for dimension in space if dimension.is_logarithmic]
    drawn = parallel_coordinates(trials, objective=objective, larger_is_better=larger, logarithmic=logarithmic)
    way = "larger is better" if larger else "smaller is better"
    columns = (Column("trial"), Column(objective, numeric=True), *(Column(name) for name in tuning.names))
    rows = [
        (
            f"{trial.trial_id}{' (best)' if not index else ''}",
            number(trial.score),
            *(_value(trial.values.get(name)) for name in tuning.names),
        )
        for index, trial in enumerate(tuning.trials)
    ]
    return join(
        [
            note(f"{counted(len(trials), 'trial')} compared by {objective} ({way})."),
            tag("div", drawn, class_="pn-scroll pn-wide", tabindex="0", role="region", aria_label="Trials")
            if trials
            else "",
            table(columns, rows, caption="Trials, the best first"),
        ]
    )


def model_view(model: Model) -> Markup:
    """What the model is and how it uses each column."""
    uses = [(clipped(feature.name, 120), feature.kind, feature.reason) for feature in model.features.features]
    columns = (Column("column"), Column("used as"), Column("why", wide=True))
    known = [
        ("predicts", f"{model.features.label.name} ({model.features.label.kind})"),
        ("classes", clipped(", ".join(model.classes), 300) if model.classes else None),
        ("signatures", ", ".join(model.signatures)),
        ("size", size(model.size_bytes)),
        (
            "columns it asks for",
            clipped(", ".join(item.name + ("" if item.is_required else " (optional)") for item in model.inputs), 2000),
        ),
    ]
    return join(
        [
            pairs((name, value) for name, value in known if value is not None),
            fold(
                f"How {counted(len(uses), 'column')} are used",
                table(columns, uses, caption="Use of columns"),
                key="columns-used",
            ),
        ]
    )


def serving_view(check: ServingCheck) -> Markup:
    """Whether the model answers in time and as it did in training."""
    word, tone = ("✓ can be served", "good") if check.blessed else ("✕ cannot be served", "bad")
    said = tag(
        "p",
        tag("span", word, class_=f"pn-state pn-{tone}"),
        f" {check.rows:,} rows sent, model loaded in {seconds(check.load_s)}.",
    )
    reasons = tag("ul", *(tag("li", clipped(reason, 1000)) for reason in check.reasons)) if check.reasons else None
    return join(
        [said, reasons or "", tag("div", _latencies(check), _differences(check), class_="columns"), _failing(check)]
    )


def _metric_curves(training: Training, name: str) -> Markup:
    found = [Curve("training", training.curve(name)), Curve("validation", training.curve(f"val_{name}"))]
    shown = [curve for curve in found if any(value is not None for value in curve.values)]
    return curves(shown, title=f"{name} by epoch", marked_step=training.best_epoch or None)


def _epochs(training: Training) -> Markup:
    names = list(dict.fromkeys(name for epoch in training.epochs for name in epoch.metrics))
    columns = (Column("epoch"), *(Column(name, numeric=True) for name in names), Column("time", numeric=True))
    rows = [
        (
            f"{epoch.number}{' (best)' if epoch.number == training.best_epoch else ''}",
            *(number(epoch.metrics.get(name)) for name in names),
            seconds(epoch.seconds),
        )
        for epoch in training.epochs
    ]
    return fold("Every epoch in numbers", table(columns, rows, caption="Epochs"), key="epochs")


def _value(value: Value) -> str:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _latencies(check: ServingCheck) -> Markup:
    columns = (
        Column("signature"),
        Column("rows per request", numeric=True),
        Column("median", numeric=True),
        Column("95 % within", numeric=True),
        Column("calls", numeric=True),
    )
    rows = [
        (item.signature, item.batch_size, f"{number(item.p50_ms)} ms", f"{number(item.p95_ms)} ms", f"{item.calls:,}")
        for item in check.latencies
    ]
    return tag("div", tag("h3", "Latency"), table(columns, rows, caption="Latency", sortable=False))


def _differences(check: ServingCheck) -> Markup:
    columns = (Column("compared"), Column("largest difference", numeric=True))
    rows = [
        (name, Cell("not comparable" if value is None else number(value)))
        for name, value in check.max_difference.items()
    ]
    return tag("div", tag("h3", "Same answers everywhere"), table(columns, rows, caption="Differences", sortable=False))


def _failing(check: ServingCheck) -> Markup:
    if not check.failing_request:
        return Markup("")
    rows = pairs((name, clipped(str(value), 2000)) for name, value in check.failing_request.items())
    return fold("The request that went wrong", rows, key="failing-request", opened=True)
