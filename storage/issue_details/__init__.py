"""What one asks of issues and alerts: which there are, which issue an id means, all that is known of one; the command prints it.

    from otelpond.storage import connect
    from otelpond.storage.issue_details import details, only

    with connect("pond") as con, only(con, "4f1d2c9a") as issue:
        details(con, issue)

The statements stand beside this file, and can be pasted into any shell.
"""

from .details import Breadcrumb, Details, details
from .finding import Filters, IssueNotFoundError, Sort, find, matching, only
from .statements import Row, ask

__all__ = ["Breadcrumb", "Details", "Filters", "IssueNotFoundError", "Row", "Sort", "ask", "details", "find", "matching", "only"]
