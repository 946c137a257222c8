"""Users as administrators manage them, and what everybody did."""
