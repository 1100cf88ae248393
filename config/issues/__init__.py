"""How issues are shown in a terminal: each module makes one part of it out of rows; `commands/issues.py` prints them."""
