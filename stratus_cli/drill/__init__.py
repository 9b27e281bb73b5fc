"""Fault injection and the scoreboard, on top of the flows."""
