"""Operators about work: sessions, jobs, workflows, and programs of the settings."""
