"""What can be done with cubes: every step gives a lazy cube."""
