"""From a bundle and a picture to a verdict, in milliseconds, without torch."""
