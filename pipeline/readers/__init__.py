"""What a run left, as plain Python values: one module per kind of artifact, read without TensorFlow.

Each `read_…` takes an artifact's folder and raises NotFound with the reason if it is missing or damaged.
`run_view.RunView` puts them together for one run.
"""
