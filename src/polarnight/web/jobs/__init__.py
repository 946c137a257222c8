"""Work in the background: kinds of jobs, how they are started, run, watched and ended."""
