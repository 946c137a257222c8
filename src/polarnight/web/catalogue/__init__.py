"""The catalogue of sources as the site uses it: searched, checked, changed, imported."""
