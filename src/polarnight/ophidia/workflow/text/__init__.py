"""What a workflow says: its JSON, read and checked, its variables, formulas and lists."""
