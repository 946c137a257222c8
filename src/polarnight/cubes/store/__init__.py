"""Cubes that are kept on disk, under the keys of their recipes."""
