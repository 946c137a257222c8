"""What a night has to say: its frames, failures, figures; for the pages and the API alike."""
