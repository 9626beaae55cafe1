"""What is behind on a machine, what of it is exploited, and which release mends it."""
