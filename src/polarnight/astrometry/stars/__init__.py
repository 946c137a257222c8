"""Star catalogues: in memory, in local files, imported, fetched from VizieR."""
