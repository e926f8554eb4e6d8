"""What commands would do."""
