"""The demo: the main job on this machine, with a pretend carrier, customers and operators."""
