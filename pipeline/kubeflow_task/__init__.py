"""What runs in each pod of Kubeflow Pipelines: the one launcher, and what Kubeflow's UI shows of the node.

    python -m pipeline.kubeflow_task --executor-input JSON --show OUTPUT=FILE… [--report-url URL] LAUNCHER…

LAUNCHER stands for the words of `python -m pipeline.launch`. Nothing here changes what becomes of a node: what cannot
be shown is told in the log.

    arguments.py        the words that are not the launcher's
    outputs.py          files of artifacts and the document about them, as Kubeflow's own launcher takes them
    showing.py          nothing in here fails a node
    content.py          what goes into which output
    node_view.py        the node's record, lineage and artifacts, as reports read them
    card.py             the card: one HTML page without script
    numbers.py          scalar metrics
    classification.py   confusion matrix and ROC curve
    farewell.py         the last task of a run: who is told of its end, and the report of all of it (run_report.py)
"""
