"""Start the guest: `python3 -s -m guest` with the jail's channel on fds 0 and 1."""

from .supervisor import main

main()
