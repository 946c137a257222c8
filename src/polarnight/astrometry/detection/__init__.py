"""Sources on a frame: detected, paired in dual beams, told apart as images of stars."""
