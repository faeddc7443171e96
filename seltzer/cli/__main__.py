"""python -m seltzer.cli"""

from seltzer.cli import main

if __name__ == "__main__":  # a reloading server's child imports this module again
    main()
