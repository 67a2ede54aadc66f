"""SS 12000:2020 as a server: the standard's paths, for systems that push."""
