"""What a run shows while it goes: a live table, plain lines, or events for other programs."""
