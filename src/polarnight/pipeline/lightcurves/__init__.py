"""Light curves from the results of the database."""
