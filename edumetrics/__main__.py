"""`python -m edumetrics` is `edumetrics`."""

from edumetrics.cli import main

if __name__ == "__main__":
    main()
