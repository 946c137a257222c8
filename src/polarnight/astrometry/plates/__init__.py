"""Where a frame points: proposals, fitted plates, and what speaks for them."""
