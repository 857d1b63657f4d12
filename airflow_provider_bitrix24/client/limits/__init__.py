"""How fast and how often a portal may be called. Pure: numbers in, numbers out."""
