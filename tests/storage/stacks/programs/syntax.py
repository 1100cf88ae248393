"""A file that does not compile."""

import ast

ast.parse("total = (1 +\n", filename="/srv/releases/20261120/shop/rules.py")
