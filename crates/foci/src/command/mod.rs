//! One module per command. Each resolves its flags, calls the libraries and prints.

pub mod bench;
pub mod bench_growth;
mod bench_limits;
mod bench_profile;
mod bench_worker;
pub mod data;
pub mod evaluate;
mod evaluate_classes;
mod evaluate_labels;
mod evaluate_objects;
mod forecast;
pub mod inspect;
pub mod optics;
pub mod predict;
mod predict_classes;
mod predict_method;
mod predict_model;
mod predict_objects;
mod predict_sheet;
pub mod report;
pub mod study;
pub mod train;
mod train_net;
mod train_plan;
