"""What a workflow is: tasks, what waits for what, loops and branches, how much it becomes."""
