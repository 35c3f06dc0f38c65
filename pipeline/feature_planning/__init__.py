"""Decides how every column enters the model: the planner, and the rules by schema and by profile of the data."""
