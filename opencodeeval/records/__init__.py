"""Records: their form, how they are read, and which of them may be compared."""
