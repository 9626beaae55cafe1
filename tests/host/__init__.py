"""Looking at a machine: facts, signals, the screen."""
