"""An append-only, hash-chained record: who decided what, when and why, so that a later edit shows."""
