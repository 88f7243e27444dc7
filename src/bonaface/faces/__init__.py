"""From a picture to faces: reading, finding, cropping by the input contract."""
