"""The running collector: receivers, inboxes, pipeline and forwarder as processes, put together and watched."""
