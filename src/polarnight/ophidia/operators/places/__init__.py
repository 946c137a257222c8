"""Operators that keep order: folders, containers, and cubes that go."""
