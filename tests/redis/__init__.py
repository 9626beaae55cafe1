"""What only stores across a network can get wrong."""
