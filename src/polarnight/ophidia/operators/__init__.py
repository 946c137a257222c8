"""The operators, each a small class in a module of its family."""
