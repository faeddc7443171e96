"""Who may, and how much: what a request passes before a protocol sees it, and what its errors look like."""
