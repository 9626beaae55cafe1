"""What is odd in traffic: each signal is a pure function from what was asked of the records to oddities."""
