"""The REST envelope: calls to requests, answers to replies or errors. Pure."""
