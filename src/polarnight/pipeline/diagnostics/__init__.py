"""Pictures and figures that tell how a result came about, made of what the database holds."""
