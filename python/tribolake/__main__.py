"""`python -m tribolake`."""

from tribolake.cli.app import main

if __name__ == "__main__":
    main()
