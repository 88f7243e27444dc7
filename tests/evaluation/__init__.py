"""Every rate has a witness: a hand, a slow definition, or another library."""
