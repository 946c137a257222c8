"""The ``polarnight`` command."""
