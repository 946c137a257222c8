"""Frames for the browser: files by primary key, tiles, statistics, overlays, charts."""
