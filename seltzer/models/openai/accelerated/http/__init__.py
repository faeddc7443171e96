"""How the models' requests are sent: an HTTP client of the SDK's, over connections of our own."""
