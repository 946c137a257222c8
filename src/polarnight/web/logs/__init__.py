"""Logs as the site shows them: by name from a list, read from the end."""
