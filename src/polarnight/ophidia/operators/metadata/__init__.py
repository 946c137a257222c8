"""Operators that show and find: what cubes hold, what they are called, where they come from."""
