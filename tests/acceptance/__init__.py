"""What the guard does, told as its users would tell it."""
