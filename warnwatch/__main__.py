"""`python -m warnwatch` is the command `warnwatch`."""

from warnwatch.cli import main

main()
