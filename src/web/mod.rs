//! HTTP: routes, guard, errors. Thin: every route runs one use case.

pub mod api;
pub mod app;
pub mod error;
pub mod openapi;
pub mod route;
