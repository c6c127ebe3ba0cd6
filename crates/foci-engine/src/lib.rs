//! A network made runnable: forward, backward, losses, optimisers.
