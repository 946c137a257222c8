"""The demonstration night: simulated, reduced, compared with the truth."""
