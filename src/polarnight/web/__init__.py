"""The web door: portal, viewer, background jobs and API, a Django project in the package."""
