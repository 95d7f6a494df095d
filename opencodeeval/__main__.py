"""`python -m opencodeeval`."""

import sys

from opencodeeval.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
