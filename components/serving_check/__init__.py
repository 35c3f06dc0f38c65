"""ServingCheck: the exported model answers real rows, alike through every way in, and in time."""
