"""What comes back: responses and their JSON, grids, manual pages, pages about cubes."""
