"""A package, so that tests share `tests.support`; pytest itself imports each test file by its path."""
