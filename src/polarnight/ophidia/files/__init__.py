"""Files and programs that commands may touch."""
