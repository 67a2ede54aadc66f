"""How good the warnings are: simulated or foreign school years with known truth."""
