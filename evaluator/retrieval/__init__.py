"""From text to ranked lists: encoders, vectors, indexes, fusion, and the pipeline that joins them."""
