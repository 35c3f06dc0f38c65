"""Evaluator: TFMA's metrics on a held-out split, and a blessing that always comes with its reasons."""
