"""``python -m qcircuit_adapt`` is ``qcircuit``."""

from qcircuit_adapt.cli import main

if __name__ == "__main__":
    main()
