"""opencodeeval: how often is the code that a model writes right?"""

__version__ = "0.1.0"
