"""`python -m stratus_cli.cli` is `stratus`."""

from stratus_cli.cli.app import script

if __name__ == "__main__":
    script()
