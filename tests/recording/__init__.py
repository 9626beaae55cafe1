"""Every process of Stockade writes into one log."""
