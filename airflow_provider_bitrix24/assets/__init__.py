"""Assets: what tasks change, by URI."""
