"""How foreign events come here: from files that grow, over the network, or by asking for them."""
