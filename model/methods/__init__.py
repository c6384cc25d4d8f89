"""Every method of making a map, behind the one interface of `base.Method`."""
