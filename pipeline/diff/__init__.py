"""What differs between two runs: configuration, data, schema, statistics, training, metrics, environment.

`compare.compare` gives a `document.RunDiff`; `text.lines` puts it on a terminal, a report's page renders it as HTML.
"""
