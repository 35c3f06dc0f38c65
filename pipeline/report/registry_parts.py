"""The registered version as HTML: where it stands, its bytes and signature, and every change with who and why."""

from markupsafe import Markup

from components.model_registry.versions import ModelVersion, change_words
from pipeline.readers.registry import Registered
from pipeline.report.section import note
from pipeline.report.table import Column, pairs, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped

_TONES = {"candidate": "busy", "staging": "busy", "production": "good", "archived": "quiet"}


def registry_view(registered: Registered) -> Markup:
    """The version of a run."""
    document = registered.document
    if not document.registered:
        return tag("p", f"Not registered. {clipped(document.reason, 1000)}")
    stage = registered.stage
    when = "" if registered.version else " when it was registered"
    known = [
        ("model", document.name),
        ("version", document.version),
        ("digest", document.model_digest),
        ("signature", document.signature),
    ]
    said = tag("p", tag("span", stage, class_=f"pn-state pn-{_TONES.get(stage, 'quiet')}"), when)
    changes = _changes(registered.version) if registered.version else note(registered.problem)
    return join([said, pairs(known), changes, note("As of when this page was written; now: penstock models.")])


def _changes(version: ModelVersion) -> Markup:
    columns = (Column("entry", numeric=True), Column("what, by whom, when and why", wide=True))
    rows = [(entry.number, clipped(change_words(entry, version.version), 1000)) for entry in version.entries]
    return table(columns, rows, caption="Changes on record", sortable=False)
