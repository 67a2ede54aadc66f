"""A faithful double of a school system's SS 12000:2020 server, with faults to switch on."""
