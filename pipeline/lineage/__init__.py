"""Where things come from and what became of them: a graph of the lineage store, and the story of a model or run."""
