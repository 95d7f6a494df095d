"""Values, errors and files: what every floor uses. Imports nothing else of opencodeeval."""
