//! What the server counts of itself, as Prometheus reads it.

use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::service::status::Backlog;

/// The server's counters.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    queued: IntGauge,
    failed: IntGauge,
    due: IntGauge,
    backup_age: IntGauge,
}

/// From a millisecond to ten seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("itaku_http_requests_total", "Requests answered"),
                &["method", "route", "status"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new("itaku_http_request_seconds", "Time to an answer")
                    .buckets(BUCKETS.to_vec()),
                &["method", "route"],
            )?,
            queued: IntGauge::new("itaku_notices_queued", "Notices waiting to be sent")?,
            failed: IntGauge::new("itaku_notices_failed", "Notices given up")?,
            due: IntGauge::new("itaku_due_rows", "Subjects to be looked at by the next sweep")?,
            backup_age: IntGauge::new(
                "itaku_backup_age_seconds",
                "Since the last good backup; -1: there is none",
            )?,
            registry,
        };
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.durations.clone()))?;
        for gauge in [&metrics.queued, &metrics.failed, &metrics.due, &metrics.backup_age] {
            metrics.registry.register(Box::new(gauge.clone()))?;
        }
        Ok(metrics)
    }

    /// Counts an answer. `route` is the pattern, never the path: paths hold identifiers.
    pub fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.durations.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// The whole as text.
    pub fn text(&self, backlog: &Backlog) -> prometheus::Result<Vec<u8>> {
        self.queued.set(backlog.queued);
        self.failed.set(backlog.failed);
        self.due.set(backlog.due);
        self.backup_age.set(backlog.backup_age.unwrap_or(-1));
        let mut out = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        Ok(out)
    }
}
