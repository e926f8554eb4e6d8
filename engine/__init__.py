"""The state machine, its journal and the daemon around them."""
