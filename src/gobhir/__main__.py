"""`python -m gobhir` is the command `gobhir`."""

from gobhir.cli import main

if __name__ == "__main__":
    main()
