"""The measurement of a group of frames: plain records in, rows of results out."""
