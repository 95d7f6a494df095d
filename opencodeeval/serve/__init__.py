"""The grader as a service: HTTP in front of the sandbox, and clients for it."""
