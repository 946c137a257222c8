"""What happens while a workflow runs: plan, tasks, decisions, and the record to resume from."""
