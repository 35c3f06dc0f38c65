"""What is known of the data besides its statistics, as HTML: rows, schema, anomalies and the gate, Transform."""

from markupsafe import Markup

from pipeline.readers.anomalies import Anomalies, GateDecision, GateFinding
from pipeline.readers.examples import Examples
from pipeline.readers.schema import Schema
from pipeline.readers.transform import TransformGraph
from pipeline.report.section import fold, part
from pipeline.report.table import Cell, Column, pairs, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number, percent, size


def examples_view(examples: Examples) -> Markup:
    """Rows by split, where they came from, and the rows that were set aside."""
    total = sum(examples.rows.values())
    columns = (
        Column("split"),
        Column("rows", numeric=True),
        Column("share", numeric=True),
        Column("on disk", numeric=True),
    )
    rows = [
        (split, f"{count:,}", percent(count / total if total else 0.0), size(examples.size_bytes.get(split)))
        for split, count in examples.rows.items()
    ]
    return join(
        [table(columns, rows, caption="Rows by split", sortable=False), _origin(examples), _quarantine(examples)]
    )


def schema_table(schema: Schema) -> Markup:
    """What the schema promises, a row a feature."""
    columns = (
        Column("feature"),
        Column("type"),
        Column("presence"),
        Column("values per row"),
        Column("domain", wide=True),
        Column("notes", wide=True),
    )
    rows = [
        (
            clipped(feature.name, 120),
            feature.type.lower(),
            feature.presence,
            feature.valency,
            feature.domain,
            "; ".join(feature.notes),
        )
        for feature in schema.features
    ]
    return table(columns, rows, caption=f"Schema: {counted(len(rows), 'feature')}")


def gate_view(gate: GateDecision) -> Markup:
    """The gate's decision with each anomaly that it judged."""
    word, tone = ("passed", "good") if gate.passed else ("refused", "bad")
    said = tag(
        "p",
        tag("span", f"{'✓' if gate.passed else '✕'} {word}", class_=f"pn-state pn-{tone}"),
        f" {_gate_sentence(gate)}",
    )
    columns = (
        Column("feature"),
        Column("split"),
        Column("anomaly"),
        Column("severity"),
        Column("what was done"),
        Column("description", wide=True),
        Column("the schema would take it with", wide=True),
    )
    rows = [_finding(finding) for finding in gate.findings]
    missing = [tag("p", f"Evidence missing: {sentence}") for sentence in gate.missing]
    return join([said, *missing, table(columns, rows, caption="Anomalies as judged by the gate") if rows else ""])


def anomalies_table(anomalies: Anomalies) -> Markup:
    """What TFDV found, in every split."""
    columns = (
        Column("feature"),
        Column("split"),
        Column("severity"),
        Column("anomaly"),
        Column("description", wide=True),
    )
    rows = [
        (clipped(item.feature, 120), split.split, _severity(item.severity), item.summary, item.description)
        for split in anomalies.splits
        for item in split.anomalies
    ]
    if not rows:
        return tag("p", f"The data keeps to the schema in {_listed([split.split for split in anomalies.splits])}.")
    return table(columns, rows, caption="Anomalies found by TFDV")


def transform_view(graph: TransformGraph) -> Markup:
    """Vocabularies with their sizes, and the features that the model is trained on."""
    columns = (Column("vocabulary of"), Column("terms", numeric=True), Column("most frequent", wide=True))
    rows = [
        (
            found.feature,
            Cell(f"{found.size:,}", order=found.size),
            " · ".join(clipped(term, 30) for term in found.first_terms[:12]),
        )
        for found in graph.vocabularies
    ]
    features = [(feature.name, feature.type.lower(), _shape(feature.shape)) for feature in graph.features]
    feature_columns = (Column("transformed feature"), Column("type"), Column("shape of one row"))
    return join(
        [
            part("Vocabularies", table(columns, rows, caption="Vocabularies")),
            fold(
                f"{counted(len(features), 'transformed feature')}, as the model takes them",
                table(feature_columns, features, caption="Transformed features"),
                key="transformed-features",
            ),
        ]
    )


def _origin(examples: Examples) -> Markup:
    known = [
        ("rows read", None if examples.rows_in is None else f"{examples.rows_in:,}"),
        ("set aside", f"{examples.rows_quarantined:,}" if examples.rows_quarantined else None),
        ("span", examples.span),
        ("version", examples.version),
        ("input files", examples.fingerprint.get("num_files")),
        (
            "input size",
            size(float(examples.fingerprint["total_bytes"])) if "total_bytes" in examples.fingerprint else None,
        ),
    ]
    return pairs((name, value) for name, value in known if value is not None)


def _quarantine(examples: Examples) -> Markup:
    if not examples.quarantined:
        return Markup("")
    columns = (
        Column("where"),
        Column("column"),
        Column("reason", wide=True),
        Column("the row as it stands", wide=True),
    )
    rows = [
        (f"{row.file}, {row.place}", row.column or "the row", row.reason, clipped(row.raw, 300))
        for row in examples.quarantined
    ]
    first = f" (the first {len(rows)})" if examples.rows_quarantined > len(rows) else ""
    return fold(
        f"{counted(examples.rows_quarantined, 'row')} set aside{first}",
        table(columns, rows, caption="Rows set aside"),
        key="quarantine",
    )


def _gate_sentence(gate: GateDecision) -> str:
    stopping = sum(finding.stops for finding in gate.findings)
    if not gate.findings:
        return "There is nothing to judge: no anomaly was found." if gate.passed else "The evidence is not complete."
    waived = sum(finding.waiver is not None for finding in gate.findings)
    return f"{counted(len(gate.findings), 'finding')}: {stopping} that stop the run, {waived} waived."


def _finding(finding: GateFinding) -> tuple[object, ...]:
    done: object = "noted"
    if finding.stops:
        done = Cell(
            "✕ stops the run" + (f" (its waiver expired on {finding.expired.expires})" if finding.expired else ""),
            tone="bad",
        )
    elif finding.waiver:
        done = f"waived until {finding.waiver.expires}: {finding.waiver.reason}"
    return (
        clipped(finding.feature, 120),
        finding.split,
        finding.anomaly,
        _severity(finding.severity),
        done,
        finding.description,
        "; ".join(finding.schema_changes),
    )


def _severity(severity: str) -> Cell:
    marks = {"error": ("✕", "bad"), "warning": ("!", "busy")}
    mark, tone = marks.get(severity, ("–", ""))  # noqa: RUF001
    return Cell(f"{mark} {severity}", tone=tone)


def _shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "of varying length"
    return " × ".join(number(size) for size in shape) if shape else "one value"  # noqa: RUF001


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "every split"
