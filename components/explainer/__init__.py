"""Explainer: what the served model's answers come from, by feature and by word, with evidence that the sums are right.

The report is `explanation.json` (see `document.Explanation`), the numbers behind it are `attributions.parquet`.
"""
