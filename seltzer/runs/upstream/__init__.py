"""What an exception out of a model call means: errors of any provider, recognized by their shape.

No provider's package is imported here, and none is told apart where its errors have the usual shapes.
"""
