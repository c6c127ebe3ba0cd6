//! What a result is worth: reconstruction, detail, statistics.
