"""Pusher: a blessed model becomes a numbered version folder in one atomic step."""
