"""What an attacker tries, and that it does not work: each test is an attack that once might have."""
