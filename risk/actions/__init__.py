"""What companies do to their shares, and what it does to positions: dividends and splits."""
