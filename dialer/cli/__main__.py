"""The entry `dialer`. What a start loads stays: looking through it for garbage takes a fifth of its CPU."""

import gc

gc.disable()  # until the verb is loaded: verbs.py

from dialer.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
