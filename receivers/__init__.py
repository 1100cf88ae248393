"""IN: bytes on the wire become durable batches."""
