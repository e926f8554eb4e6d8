"""Readers of recorded and live venue data."""
