"""How a night is reduced: stages, the recipes made of them, and what changes them."""
