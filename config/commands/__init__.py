"""What the commands do, one module each; `cli` reads the options and hands them over."""
