"""Plans a trip: an agent with tools, in an installed package."""
