"""Small windows of the chip: laid on wide frames, or found by the target's own pair."""
