"""Workflows at the server: their numbers, their jobs, and messages between processes."""
