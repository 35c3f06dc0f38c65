"""Runs in a notebook: `open_project` gives runs, a run gives its parts, and each part displays itself.

    from pipeline.workbench import open_project
    run = open_project("../penstock.yaml").run("latest")
    run.statistics                # a cell's last line: drawings and a table
    run.statistics.frame          # the same as a pandas data frame

It only reads. The name says what it is for and hides no other: `inspect` is the standard library's, `notebook` is
Jupyter's.
"""

from pipeline.workbench.charts import bars, histograms, lines
from pipeline.workbench.display import Missing, Shown, Table, note
from pipeline.workbench.project import Project, open_project
from pipeline.workbench.question import ask
from pipeline.workbench.run import Run

__all__ = [
    "Missing",
    "Project",
    "Run",
    "Shown",
    "Table",
    "ask",
    "bars",
    "histograms",
    "lines",
    "note",
    "open_project",
]
