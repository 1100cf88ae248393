"""ELSEWHERE: runs inside the user's service; shares no code with the collector, only the wire."""
