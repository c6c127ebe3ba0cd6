//! The command line of foci.
fn main() {}
