"""Variograms and the choice of neighbours, which every kind of kriging shares."""
