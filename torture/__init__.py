"""What a log must survive: attackers who know how it works, and machines that stop in the middle."""
