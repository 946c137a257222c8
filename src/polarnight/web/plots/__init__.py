"""Light curves for the browser: query, decimation, Bokeh documents, figures for print."""
