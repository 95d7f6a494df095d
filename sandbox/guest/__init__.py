"""The code that runs inside every jail: supervisor, zygote, judge and player.

Standard library only (NumPy is used where the jail has it), Python 3.8 or
later. README.md beside this file says who trusts whom and what crosses.
"""
