"""Whatever comes in: the inbox, ticks and recorded market data."""
