"""Plain JSON events at POST /v1/events: read, made OTLP log records, and answered one by one."""
