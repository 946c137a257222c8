"""Polarnight."""
