"""What is observed leaves the process: providers, what waits to be sent, the one thread that sends it, the exporters."""
