"""What `make mutants` adds to the tests that are to kill the mutants (bench/mutants.py).

``killers``         a pytest plugin: the same examples every time, no answer kept from before
``verdicts/``       what became of every mutant, a file for each module (bench/mutant_verdicts.py)
``survivors.toml``  mutants that no test can tell from the original, each with its reason
"""
