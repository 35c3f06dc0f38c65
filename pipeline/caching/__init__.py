"""Caching that explains itself: what a node's answer depends on, when an earlier answer is taken, and why not."""
