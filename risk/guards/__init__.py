"""What stops trading: kill switches, silence, circuit breakers."""
