"""Migrations of the tables of the site."""
