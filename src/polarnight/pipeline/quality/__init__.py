"""Figures of frames, nights and masters against time."""
