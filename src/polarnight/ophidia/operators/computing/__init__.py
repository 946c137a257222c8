"""Operators that make cubes of cubes: arithmetic, statistics, parts, other shapes."""
