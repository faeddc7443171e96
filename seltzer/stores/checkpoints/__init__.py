"""What every checkpoint saver shares: the serializer, packing, the message cache, retention, durability."""
