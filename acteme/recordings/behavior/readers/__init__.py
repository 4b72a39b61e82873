"""Readers of published logs and of your own."""
