"""Which errors are the same: each row of the four error tables gets a fingerprint, and says what it is made of."""
