"""From a picture to faces: hostile files, known transforms, real portraits."""
