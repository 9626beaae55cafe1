"""Real servers for the tests: one file per program, each started on free ports and ended with its test or session."""
