"""The operators, each a small class in a module of its family, in a room of its kind."""
