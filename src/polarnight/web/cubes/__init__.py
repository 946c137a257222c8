"""Cubes as the site shows them: the user's own and those of the archive."""
