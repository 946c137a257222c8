"""The simulations of the instruments that come with Polarnight."""
