"""The HTML pages; each module is one page or a few that belong together."""
