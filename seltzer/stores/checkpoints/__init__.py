"""What every checkpoint saver shares: packing, the message cache, retention, durability, the serializer."""
