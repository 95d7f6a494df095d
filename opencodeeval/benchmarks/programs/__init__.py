"""Tasks whose programs are of any language and share their file with the published tests."""
