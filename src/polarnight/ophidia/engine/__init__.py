"""Between commands and the engine: cubes made, placed, deleted, and where they are computed."""
