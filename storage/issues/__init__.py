"""Issues: what is done about errors that are alike. The state of an issue is a view over `issue_activity`; here is what appends to it."""
