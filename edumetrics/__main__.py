"""Run the command line: `python -m edumetrics` does the same as `edumetrics`."""

from edumetrics.cli import main

if __name__ == "__main__":
    main()
