"""Order books by price-time priority."""
