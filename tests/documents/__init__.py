"""What the documentation says is done, and must come true."""
