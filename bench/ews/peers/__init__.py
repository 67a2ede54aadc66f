"""What the worker is compared with on the same broker; each is a process of its own."""
