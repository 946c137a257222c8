"""What a filter in square brackets finds, and one command on all of it."""
