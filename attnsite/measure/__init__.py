"""The measuring room. Whoever enters it asks idle threads to sleep soon, before any library has started some.

After their work the threads of OpenMP and of OpenBLAS go on spinning for several milliseconds, in case there is more.
Where kernels of several libraries take turns, each spins through the beginning of the next one's call: on two
processors a call of 0.3 ms then took 4 ms. Libraries read these variables once, when they are loaded. What a reader
of the results has set already stays, and a run says what was set.
"""

import os

WAITING = {
    "GOMP_SPINCOUNT": "20000",  # turns: some tenths of a millisecond
    "OPENBLAS_THREAD_TIMEOUT": "14",  # a power of two of processor cycles; 26 is usual, which is 20 ms
}
for _name, _value in WAITING.items():
    os.environ.setdefault(_name, _value)
