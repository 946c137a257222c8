"""What a command says: lines, arguments, numbers along dimensions, names of types."""
