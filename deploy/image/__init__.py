"""What runs inside the container image, beside the services."""
