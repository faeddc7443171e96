"""What the stores of graphs' items share: in which loop they work, what an item may be, what sets them up."""
