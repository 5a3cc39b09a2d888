"""What a reader plays with, whole without a script."""
