//! A network architecture as data: parse, check, count, solve for a budget.
