"""`python -m dialer.cli`: the same as `dialer`."""

from dialer.cli.main import main

main()
