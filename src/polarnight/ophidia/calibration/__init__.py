"""Masters and calibrated frames by the functions of the pipeline."""
