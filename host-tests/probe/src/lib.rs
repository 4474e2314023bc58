#![doc = include_str!("../README.md")]

mod callbacks;
mod commands;
mod env;
mod function;
mod probe;
mod read;
mod script;
mod show;
mod value;
mod wasi;
mod words;
