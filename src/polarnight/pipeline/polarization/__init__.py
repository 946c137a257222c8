"""Instrumental polarization: fitted to standards, kept as a product, chosen like a master."""
