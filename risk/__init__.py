"""Accounts, positions and margin: what may be entered and what must be closed."""
