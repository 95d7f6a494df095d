"""The code that runs inside every jail: supervisor, zygote, judge and player.

Standard library only (NumPy is used where the jail has it), Python 3.8 or
later, for unittest tasks 3.9. README.md beside this file says who trusts whom and what crosses.
"""
