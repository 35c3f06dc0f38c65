"""The sample: product reviews from a seeded generator that knows the best reachable accuracy.

Read in this order: `options` (what can be asked for), `ratings` (the arithmetic behind stars and accuracy),
`vocabulary` and `texts`, `catalog`, `reviews` (the 15 columns), `broken_rows`, `write` (files).
"""
