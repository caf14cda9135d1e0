"""Outside formats, one module each: their bytes in, our envelopes out."""
