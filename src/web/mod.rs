//! HTTP: server, routes, guard, errors, pages. Thin: every route runs one use case.

pub mod api;
pub mod app;
pub mod assets;
pub mod body;
pub mod connection;
pub mod error;
pub mod json;
pub mod limit;
pub mod metrics;
pub mod openapi;
pub mod pages;
pub mod route;
pub mod server;
pub mod shield;
mod trace;
