"""Run the command line with ``python -m polarnight``."""

from polarnight.cli import main

main()
