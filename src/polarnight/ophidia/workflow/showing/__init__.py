"""What is shown of a workflow: its graph as a picture or a tree, and its answer."""
