"""The command `bench`: only this package prints and exits. main.py has the parser, each command its own file."""
