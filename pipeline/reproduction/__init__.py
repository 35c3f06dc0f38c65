"""Re-creates a run from its lineage, and says whether the result is the same: `penstock reproduce`."""
