"""People's decisions on models: what waits for one, taking one, and what is on record."""
