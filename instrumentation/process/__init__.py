"""Start and end of an instrumented process: the launcher, `instrument()`, signals, forks, exits."""
